import type { ImageId } from '#/base/ids.ts';
import { type AttachRequest, attachContainer, resizeContainer } from '#/container/attach.ts';
import type { ContainerSpec, EndpointSettings, RestartPolicy } from '#/container/config.ts';
import { connectContainer, disconnectContainer } from '#/container/connect.ts';
import { type CopyIntoOptions, copyFromContainer, copyIntoContainer, statInContainer } from '#/container/copy.ts';
import { createContainer } from '#/container/create.ts';
import { namesOn } from '#/container/endpoint-names.ts';
import { createExec, type ExecSpec, execIdsOf, getExec, resizeExec, startExec } from '#/container/exec.ts';
import { containersUsingImage } from '#/container/image-users.ts';
import { killContainer } from '#/container/kill.ts';
import { containerLogs, type LogsOptions } from '#/container/logs.ts';
import { containerPaths } from '#/container/paths.ts';
import { pauseContainer, unpauseContainer } from '#/container/pause.ts';
import { setPublishedPorts } from '#/container/published-ports.ts';
import { type ContainerRecord, getContainer, listContainers } from '#/container/record.ts';
import { type RemoveOptions, removeContainer } from '#/container/remove.ts';
import { renameContainer } from '#/container/rename.ts';
import type { ContainerRoom } from '#/container/room.ts';
import { startContainer } from '#/container/start.ts';
import { readContainerStats } from '#/container/stats.ts';
import { restartContainer, type StopOptions, stopContainer } from '#/container/stop.ts';
import { topContainer } from '#/container/top.ts';
import { setRestartPolicy } from '#/container/update.ts';
import { type WaitCondition, waitContainer } from '#/container/wait.ts';
import { parseSignal } from '#/linux/signals.ts';
import type { PortBinding } from '#/network/network.ts';
import type { TerminalSize } from '#/runtime/runtime.ts';

/** Every verb of the container room over one room: what embedders and front doors call. `ref` is an id, a name or an id prefix. */
export function bindContainers(room: ContainerRoom) {
  return {
    create: (spec: ContainerSpec) => createContainer(room, spec),
    start: (ref: string) => startContainer(room, ref),
    stop: (ref: string, options: StopOptions) => stopContainer(room, ref, options),
    restart: (ref: string, options: StopOptions) => restartContainer(room, ref, options),
    /** `signal` as people write it: `SIGTERM`, `term`, `15`. */
    kill: (ref: string, signal: string) => killContainer(room, ref, parseSignal(signal)),
    pause: (ref: string) => pauseContainer(room, ref),
    unpause: (ref: string) => unpauseContainer(room, ref),
    rename: (ref: string, name: string) => renameContainer(room, ref, name),
    remove: (ref: string, options: RemoveOptions) => removeContainer(room, ref, options),
    wait: (ref: string, condition: WaitCondition, signal?: AbortSignal) => waitContainer(room, ref, condition, signal),
    attach: (ref: string, request: AttachRequest) => attachContainer(room, ref, request),
    resize: (ref: string, size: TerminalSize) => resizeContainer(room, ref, size),
    logs: (ref: string, options: LogsOptions) => containerLogs(room, ref, options),
    top: (ref: string, psArguments: string) => topContainer(room, ref, psArguments),
    stats: (ref: string) => readContainerStats(room, ref),
    statPath: (ref: string, path: string) => statInContainer(room, ref, path),
    copyFrom: (ref: string, path: string) => copyFromContainer(room, ref, path),
    copyInto: (ref: string, path: string, tar: AsyncIterable<Uint8Array>, options: CopyIntoOptions) =>
      copyIntoContainer(room, ref, path, tar, options),
    list: (): readonly ContainerRecord[] => listContainers(room),
    get: (ref: string): ContainerRecord => getContainer(room, ref),
    /** Those made from an image, and those that mount it. */
    ofImage: (imageId: ImageId): readonly ContainerRecord[] => containersUsingImage(room.store, imageId),
    /** Bytes that a container has written over its image. */
    writtenBytes: (record: ContainerRecord) => room.layers.getRootUsage(record.id),
    /** Host paths of a container's own files, for inspect. */
    paths: (record: ContainerRecord) => containerPaths(room, record.id),
    endpoints: (record: ContainerRecord) => room.networks.endpointsOf(record.id),
    /** The names by which others on a network find it. */
    namesOn: (record: ContainerRecord, settings: EndpointSettings) => namesOn(record, settings),
    publishedPorts: (record: ContainerRecord) => room.networks.portsOf(record.id),
    /** Replaces all of a container's ports, also while it runs. */
    setPublishedPorts: (ref: string, ports: readonly PortBinding[]) => setPublishedPorts(room, ref, ports),
    setRestartPolicy: (ref: string, policy: RestartPolicy) => setRestartPolicy(room, ref, policy),
    connect: (network: string, ref: string, settings: EndpointSettings) =>
      connectContainer(room, network, ref, settings),
    disconnect: (network: string, ref: string, options: { readonly force: boolean }) =>
      disconnectContainer(room, network, ref, options),
    exec: {
      create: (ref: string, spec: ExecSpec) => createExec(room, ref, spec),
      get: (id: string) => getExec(room, id),
      /** Starts a session; its stdio, undefined for a detached one. */
      start: (id: string, detach: boolean) => startExec(room, id, detach),
      resize: (id: string, size: TerminalSize) => resizeExec(room, id, size),
      idsOf: (record: ContainerRecord) => execIdsOf(room, record.id),
    },
  };
}

export type ContainerOperations = ReturnType<typeof bindContainers>;
