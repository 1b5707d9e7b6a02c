/** The library: `import { openEngine } from 'gantry'`. Everything a program or a front door needs is named here. */
export { EngineError, type ErrorKind, isEngineError } from '#/base/errors.ts';
export type { Attachment, AttachRequest } from '#/container/attach.ts';
export type { OutputPiece } from '#/container/attached-output.ts';
export type {
  ContainerConfig,
  ContainerSpec,
  DeviceRate,
  DeviceSpec,
  EndpointSettings,
  Healthcheck,
  MountSpec,
  NamespaceMode,
  NetworkMode,
  NetworkSettings,
  Propagation,
  ResourceLimits,
  RestartPolicy,
  SecuritySettings,
  Ulimit,
} from '#/container/config.ts';
export type { CopiedOut, CopyIntoOptions } from '#/container/copy.ts';
export type { PathStat } from '#/container/copy-job.ts';
export type { ExecRecord, ExecSpec, ExecState } from '#/container/exec.ts';
export type { LogEntry } from '#/container/log/k8s-file.ts';
export type { LogsOptions } from '#/container/logs.ts';
export type { ContainerRecord } from '#/container/record.ts';
export { type ContainerState, exitCodeOf, isAlive, lastRun } from '#/container/state.ts';
export type { ContainerStats } from '#/container/stats.ts';
export type { StopOptions } from '#/container/stop.ts';
export type { ProcessTable } from '#/container/top.ts';
export type { WaitCondition } from '#/container/wait.ts';
export type { EngineEvent } from '#/events/events.ts';
export { printLoaded } from '#/image/load/load.ts';
export type { LayerProgress } from '#/image/load/read-archive.ts';
export type { ImageRecord } from '#/image/record.ts';
export type { Endpoint, IpamPool, Network, NetworkSpec, PortBinding, PublishedPort } from '#/network/network.ts';
export { isUserDefined } from '#/network/predefined.ts';
export type { TaskStdio, TerminalSize } from '#/runtime/runtime.ts';
export type { VolumeSnapshot } from '#/volume/snapshots.ts';
export type { Volume, VolumeSpec } from '#/volume/volumes.ts';
export type { ContainerOperations } from './containers.ts';
export type { Engine } from './engine.ts';
export type { EngineInfo } from './info.ts';
export { type EngineOptions, openEngine } from './open.ts';
