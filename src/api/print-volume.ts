import type { Volume } from '#/engine/index.ts';

const orNull = (map: Readonly<Record<string, string>>): object | null => (Object.keys(map).length === 0 ? null : map);

/** Docker's description of a volume, in `inspect`, lists and `create`. */
export function printVolume({ name, driver, createdAtMs, mountpoint, labels, options }: Volume): object {
  return {
    CreatedAt: new Date(createdAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    Driver: driver,
    Labels: orNull(labels),
    Mountpoint: mountpoint,
    Name: name,
    Options: orNull(options),
    Scope: 'local',
  };
}
