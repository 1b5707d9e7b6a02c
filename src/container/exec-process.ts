import { EngineError } from '#/base/errors.ts';
import type { OciCapabilities, OciProcess } from '#/spec/oci/runtime.ts';
import { pidOf } from './connect-network.ts';
import type { ExecSpec } from './exec.ts';
import { presentLinks } from './links.ts';
import { mergeEnv } from './plan-create.ts';
import type { ContainerRecord } from './record.ts';
import type { ContainerRoom } from './room.ts';
import { capabilitiesFor, envWithLinks, planEnv, planRlimits } from './task-config.ts';
import { resolveUser } from './users.ts';

/** The process of an exec session: the container's own settings under what the caller asked for. */
export function planExecProcess(room: ContainerRoom, record: ContainerRecord, spec: ExecSpec): OciProcess {
  const { config } = record;
  if (spec.workingDir !== '' && !spec.workingDir.startsWith('/')) {
    throw new EngineError('invalid-argument', 'OCI runtime exec failed: exec failed: Cwd must be an absolute path');
  }
  // The root as its own processes see it now, mounts included.
  const root = `/proc/${pidOf(record)}/root`;
  const user = resolveUser(root, spec.user === '' ? config.process.user : spec.user, config.process.groupAdd);
  const security = { ...config.security, privileged: config.security.privileged || spec.privileged };
  const capabilities: OciCapabilities = capabilitiesFor({ security }, user);
  const [rows, columns] = spec.consoleSize ?? [0, 0];
  const env = mergeEnv(envWithLinks(record, presentLinks(room, record)), spec.env);
  return {
    terminal: spec.tty,
    ...(spec.tty && rows > 0 && columns > 0 ? { consoleSize: { height: rows, width: columns } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: spec.command,
    env: planEnv({ ...config, process: { ...config.process, env, tty: spec.tty } }, user),
    cwd: spec.workingDir === '' ? config.process.workingDir || '/' : spec.workingDir,
    capabilities,
    rlimits: planRlimits(room, config),
    noNewPrivileges: config.security.noNewPrivileges,
    ...(config.resources.oomScoreAdj === undefined ? {} : { oomScoreAdj: config.resources.oomScoreAdj }),
  };
}
