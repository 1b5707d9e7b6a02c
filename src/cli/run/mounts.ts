import { resolve } from 'node:path';
import type { Mount } from '#/spec/docker-api/container.ts';
import { parseBool } from '../args/flag.ts';
import { parseBytes } from '../args/values.ts';
import { splitCsv } from './csv.ts';

type Draft = { -readonly [Key in keyof Mount]: Mount[Key] };

/** `type=bind,source=/a,target=/b,readonly` as the API wants it. Throws docker's reason. */
export function parseMount(text: string): Mount {
  if (text === '') throw new Error('EOF');
  const mount: Draft = { Type: 'volume' };
  for (const field of splitCsv(text)) {
    const equals = field.indexOf('=');
    const key = (equals < 0 ? field : field.slice(0, equals)).trim().toLowerCase();
    const value = equals < 0 ? undefined : field.slice(equals + 1).trim();
    if (value === undefined && !FLAG_KEYS.has(key))
      throw new Error(`invalid field '${field}' must be a key=value pair`);
    const set = SETTERS[key];
    if (set === undefined) throw new Error(`unexpected key '${key}' in '${field}'`);
    set(mount, value ?? 'true', key);
  }
  checkMount(mount);
  return mount;
}

const FLAG_KEYS = new Set(['readonly', 'ro', 'volume-nocopy', 'bind-nonrecursive']);

function bool(key: string, value: string): boolean {
  try {
    return parseBool(value);
  } catch {
    throw new Error(`invalid value for ${key}: ${value}`);
  }
}

type Setter = (mount: Draft, value: string, key: string) => void;

const source: Setter = (mount, value) => {
  mount.Source = value === '.' || value.startsWith('./') || value.startsWith('../') ? resolve(value) : value;
};
const target: Setter = (mount, value) => {
  mount.Target = value;
};
const readOnly: Setter = (mount, value, key) => {
  mount.ReadOnly = bool(key, value);
};
const pair = (text: string): Record<string, string> => {
  const [name = '', ...rest] = text.split('=');
  return { [name]: rest.join('=') };
};

const SETTERS: Readonly<Record<string, Setter>> = {
  type: (mount, value) => {
    mount.Type = value.toLowerCase();
  },
  source,
  src: source,
  target,
  dst: target,
  destination: target,
  readonly: readOnly,
  ro: readOnly,
  consistency: (mount, value) => {
    mount.Consistency = value.toLowerCase();
  },
  'bind-propagation': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value.toLowerCase() };
  },
  'bind-nonrecursive': (mount, value, key) => {
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: bool(key, value) };
  },
  'bind-recursive': (mount, value) => {
    mount.BindOptions = { ...mount.BindOptions, ...recursion(value) };
  },
  'volume-subpath': (mount, value) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
  },
  'image-subpath': (mount, value) => {
    mount.ImageOptions = { Subpath: value };
  },
  'volume-nocopy': (mount, value, key) => {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: bool(key, value) };
  },
  'volume-label': (mount, value) => {
    const Labels = { ...mount.VolumeOptions?.Labels, ...pair(value) };
    mount.VolumeOptions = { ...mount.VolumeOptions, Labels };
  },
  'volume-driver': (mount, value) => {
    const DriverConfig = { ...mount.VolumeOptions?.DriverConfig, Name: value };
    mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig };
  },
  'volume-opt': (mount, value) => {
    const old = mount.VolumeOptions?.DriverConfig;
    const DriverConfig = { ...old, Options: { ...old?.Options, ...pair(value) } };
    mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig };
  },
  'tmpfs-size': (mount, value, key) => {
    try {
      mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: parseBytes(value) };
    } catch {
      throw new Error(`invalid value for ${key}: ${value}`);
    }
  },
  'tmpfs-mode': (mount, value, key) => {
    if (!/^[0-7]+$/.test(value)) throw new Error(`invalid value for ${key}: ${value}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
  },
};

function recursion(value: string): NonNullable<Mount['BindOptions']> {
  switch (value) {
    case 'enabled':
      return {};
    case 'disabled':
      return { NonRecursive: true };
    case 'writable':
      return { ReadOnlyNonRecursive: true };
    case 'readonly':
      return { ReadOnlyForceRecursive: true };
    default:
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
  }
}

function checkMount(mount: Mount): void {
  if (mount.Type === '') throw new Error('type is required');
  if (mount.Target === undefined || mount.Target === '') throw new Error('target is required');
  const options: readonly (readonly [string, unknown, string])[] = [
    ['volume', mount.VolumeOptions, 'volume-*'],
    ['image', mount.ImageOptions, 'image-*'],
    ['bind', mount.BindOptions, 'bind-*'],
    ['tmpfs', mount.TmpfsOptions, 'tmpfs-*'],
  ];
  for (const [type, given, name] of options) {
    if (given !== undefined && mount.Type !== type)
      throw new Error(`cannot mix '${name}' options with mount type '${mount.Type}'`);
  }
  checkRecursion(mount);
}

function checkRecursion({ ReadOnly, BindOptions = {} }: Mount): void {
  const needs = (option: string, other: string): Error =>
    new Error(`option 'bind-recursive=${option}' requires '${other}' to be specified in conjunction`);
  if (BindOptions.ReadOnlyNonRecursive && !ReadOnly) throw needs('writable', 'readonly');
  if (!BindOptions.ReadOnlyForceRecursive) return;
  if (!ReadOnly) throw needs('readonly', 'readonly');
  if (BindOptions.Propagation !== 'rprivate') throw needs('readonly', 'bind-propagation=rprivate');
}
