import type { OciDeviceRule } from '#/spec/oci/runtime.ts';

/** What Docker hides from unprivileged containers: files that tell of, or reach, the host's hardware and kernel. */
export const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** What Docker lets unprivileged containers read only. */
export const READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

const RWM = 'rwm';
const character = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: 'c',
  major,
  minor,
  access: RWM,
});

/** Docker's rules for the device cgroup: nothing but null, zero, full, random, urandom, tty and console. Runtimes add the terminals. */
export const DEFAULT_DEVICE_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: RWM },
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  character(1, 3),
  character(1, 5),
  character(1, 7),
  character(1, 8),
  character(1, 9),
  character(5, 0),
  character(5, 1),
];
