import { splitCsv } from './csv.ts';

/** One request of `HostConfig.DeviceRequests`. Source: the Docker Engine API v1.51. */
export interface DeviceRequest {
  readonly Driver: string;
  /** -1 means all. */
  readonly Count: number;
  readonly DeviceIDs: readonly string[] | null;
  readonly Capabilities: readonly (readonly string[])[];
  readonly Options: Readonly<Record<string, string>>;
}

/** `--gpus all`, `--gpus 2`, `--gpus '"device=0,1",capabilities=compute'`. Throws docker's reason. */
export function parseGpus(text: string): DeviceRequest {
  const given = new Map<string, string>();
  for (const field of splitCsv(text)) {
    const equals = field.indexOf('=');
    const [key, value] = equals < 0 ? ['count', field] : [field.slice(0, equals), field.slice(equals + 1)];
    if (!KEYS.has(key)) throw new Error(`unexpected key '${key}' in '${field}'`);
    if (given.has(key)) throw new Error(`gpu request key '${key}' can be specified only once`);
    given.set(key, value);
  }
  const devices = given.get('device')?.split(',') ?? null;
  const count = given.get('count') ?? (devices === null ? '1' : '0');
  if (count !== 'all' && !/^[-+]?\d+$/.test(count)) {
    throw new Error(`count (${count}) value must be either "all" or an integer`);
  }
  return {
    Driver: given.get('driver') ?? '',
    Count: count === 'all' ? -1 : Number(count),
    DeviceIDs: devices,
    Capabilities: [[...(given.get('capabilities')?.split(',') ?? []), 'gpu']],
    Options: Object.fromEntries(splitCsv(given.get('options') ?? '').flatMap(pairOf)),
  };
}

const KEYS = new Set(['driver', 'count', 'device', 'capabilities', 'options']);

const pairOf = (text: string): [string, string][] => {
  const [key = '', ...rest] = text.split('=');
  return key === '' ? [] : [[key, rest.join('=')]];
};

/** Devices under their names of the Container Device Interface (`vendor.com/class=name`). */
export const isCdiName = (text: string): boolean => /^[a-z][\w.-]*\/[a-z][\w-]*=[\w.:-]+$/i.test(text);
