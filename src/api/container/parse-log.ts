import { EngineError } from '#/base/errors.ts';
import type { ContainerSpec } from '#/engine/index.ts';
import type { HostConfigRequest } from '#/spec/docker-api/create-container.ts';

type Log = ContainerSpec['log'];
type Driver = Log['driver'];

const LIMITS = ['max-size', 'max-file', 'compress', 'mode', 'max-buffer-size'];
const OPTIONS: Readonly<Record<Driver, readonly string[]>> = {
  'json-file': [...LIMITS, 'labels', 'labels-regex', 'env', 'env-regex', 'tag'],
  local: LIMITS,
  none: [],
};
const isDriver = (name: string): name is Driver => Object.hasOwn(OPTIONS, name);
/** Docker's own, which send output elsewhere. */
const OTHER_DRIVERS = [
  'awslogs',
  'etwlogs',
  'fluentd',
  'gcplogs',
  'gelf',
  'journald',
  'logentries',
  'splunk',
  'syslog',
];

const invalid = (message: string): EngineError => new EngineError('invalid-argument', message);

/** `--log-driver` and `--log-opt`. Throws with Docker's texts, which it gives partly at create and partly at start. */
export function parseLog({ LogConfig: log }: HostConfigRequest): Log {
  const driver = log?.Type === undefined || log.Type === '' ? 'json-file' : log.Type;
  if (OTHER_DRIVERS.includes(driver)) {
    throw new EngineError(
      'not-implemented',
      `logging driver ${JSON.stringify(driver)} is not implemented in this version of Gantry`,
    );
  }
  if (!isDriver(driver)) throw invalid(`error looking up logging plugin ${driver}: plugin "${driver}" not found`);
  const options = log?.Config ?? {};
  const unknown = driver === 'none' ? undefined : Object.keys(options).find((name) => !OPTIONS[driver].includes(name));
  if (unknown !== undefined) throw invalid(`unknown log opt '${unknown}' for ${driver} log driver`);
  checkLimits(options);
  return { driver, options };
}

function checkLimits({ 'max-size': size, 'max-file': files }: Log['options']): void {
  const start = 'failed to initialize logging driver: ';
  if (size !== undefined && !/^(-1|\d+(\.\d+)?\s?([kmgtp]?i?b?))$/i.test(size))
    throw invalid(`${start}invalid size: '${size}'`);
  if (files === undefined) return;
  if (!/^-?\d+$/.test(files)) throw invalid(`${start}strconv.Atoi: parsing ${JSON.stringify(files)}: invalid syntax`);
  if (Number(files) < 1) throw invalid(`${start}max-file cannot be less than 1`);
}
