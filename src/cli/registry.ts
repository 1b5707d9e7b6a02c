import type { Command } from './command.ts';
import { NETWORK_COMMANDS } from './groups/network.ts';
import { VOLUME_COMMANDS } from './groups/volume.ts';

/** A command by name, loaded when it is called: what a start does not need is not read. */
export interface CommandEntry {
  readonly summary: string;
  /** Absent where Gantry does not have the command yet. */
  readonly load?: () => Promise<Command>;
  /** Further names. */
  readonly aliases?: readonly string[];
}

export type CommandTable = Readonly<Record<string, CommandEntry>>;

const ATTACH: CommandEntry = {
  summary: 'Attach local standard input, output, and error streams to a running container',
  load: async () => (await import('./commands/attach.ts')).attachCommand,
};
const COMMIT: CommandEntry = { summary: "Create a new image from a container's changes" };
const CP: CommandEntry = {
  summary: 'Copy files/folders between a container and the local filesystem',
  load: async () => (await import('./commands/cp.ts')).cpCommand,
};
const CREATE: CommandEntry = {
  summary: 'Create a new container',
  load: async () => (await import('./commands/create.ts')).createCommand,
};
const DIFF: CommandEntry = { summary: "Inspect changes to files or directories on a container's filesystem" };
const EVENTS: CommandEntry = {
  summary: 'Get real time events from the server',
  load: async () => (await import('./commands/events.ts')).eventsCommand,
};
const EXEC: CommandEntry = {
  summary: 'Execute a command in a running container',
  load: async () => (await import('./commands/exec.ts')).execCommand,
};
const EXPORT: CommandEntry = { summary: "Export a container's filesystem as a tar archive" };
const HISTORY: CommandEntry = {
  summary: 'Show the history of an image',
  load: async () => (await import('./commands/history.ts')).historyCommand,
};
const IMPORT: CommandEntry = { summary: 'Import the contents from a tarball to create a filesystem image' };
const INFO: CommandEntry = {
  summary: 'Display system-wide information',
  load: async () => (await import('./commands/info.ts')).infoCommand,
};
const KILL: CommandEntry = {
  summary: 'Kill one or more running containers',
  load: async () => (await import('./commands/signal.ts')).killCommand,
};
const LOAD: CommandEntry = {
  summary: 'Load an image from a tar archive or STDIN',
  load: async () => (await import('./commands/load.ts')).loadCommand,
};
const LOGS: CommandEntry = {
  summary: 'Fetch the logs of a container',
  load: async () => (await import('./commands/logs.ts')).logsCommand,
};
const PAUSE: CommandEntry = {
  summary: 'Pause all processes within one or more containers',
  load: async () => (await import('./commands/pause.ts')).pauseCommand,
};
const PORT: CommandEntry = {
  summary: 'List port mappings or a specific mapping for the container',
  load: async () => (await import('./commands/port.ts')).portCommand,
};
const PS: CommandEntry = {
  summary: 'List containers',
  load: async () => (await import('./commands/ps.ts')).psCommand,
};
const PULL: CommandEntry = {
  summary: 'Download an image from a registry',
  load: async () => (await import('./commands/pull.ts')).pullCommand,
};
const PUSH: CommandEntry = { summary: 'Upload an image to a registry' };
const BUILD: CommandEntry = { summary: 'Build an image from a Dockerfile' };
const RENAME: CommandEntry = {
  summary: 'Rename a container',
  load: async () => (await import('./commands/rename.ts')).renameCommand,
};
const RESTART: CommandEntry = {
  summary: 'Restart one or more containers',
  load: async () => (await import('./commands/signal.ts')).restartCommand,
};
const RM: CommandEntry = {
  summary: 'Remove one or more containers',
  load: async () => (await import('./commands/rm.ts')).rmCommand,
};
const RMI: CommandEntry = {
  summary: 'Remove one or more images',
  load: async () => (await import('./commands/rmi.ts')).rmiCommand,
};
const RUN: CommandEntry = {
  summary: 'Create and run a new container from an image',
  load: async () => (await import('./commands/run.ts')).runCommand,
};
const SAVE: CommandEntry = {
  summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
  load: async () => (await import('./commands/save.ts')).saveCommand,
};
const START: CommandEntry = {
  summary: 'Start one or more stopped containers',
  load: async () => (await import('./commands/start.ts')).startCommand,
};
const STATS: CommandEntry = {
  summary: 'Display a live stream of container(s) resource usage statistics',
  load: async () => (await import('./commands/stats.ts')).statsCommand,
};
const STOP: CommandEntry = {
  summary: 'Stop one or more running containers',
  load: async () => (await import('./commands/signal.ts')).stopCommand,
};
const TAG: CommandEntry = {
  summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
  load: async () => (await import('./commands/tag.ts')).tagCommand,
};
const TOP: CommandEntry = {
  summary: 'Display the running processes of a container',
  load: async () => (await import('./commands/top.ts')).topCommand,
};
const UNPAUSE: CommandEntry = {
  summary: 'Unpause all processes within one or more containers',
  load: async () => (await import('./commands/pause.ts')).unpauseCommand,
};
const UPDATE: CommandEntry = {
  summary: 'Update configuration of one or more containers',
  load: async () => (await import('./commands/update.ts')).updateCommand,
};
const WAIT: CommandEntry = {
  summary: 'Block until one or more containers stop, then print their exit codes',
  load: async () => (await import('./commands/wait.ts')).waitCommand,
};
const IMAGES: CommandEntry = {
  summary: 'List images',
  load: async () => (await import('./commands/images.ts')).imagesCommand,
};

/** The commands that people use most, in the order in which help shows them. */
export const COMMON_COMMANDS: CommandTable = {
  run: RUN,
  exec: EXEC,
  ps: PS,
  build: BUILD,
  pull: PULL,
  push: PUSH,
  images: IMAGES,
  login: { summary: 'Authenticate to a registry' },
  logout: { summary: 'Log out from a registry' },
  version: {
    summary: 'Show the Gantry version information',
    load: async () => (await import('./commands/version.ts')).versionCommand,
  },
  info: INFO,
};

export const OTHER_COMMANDS: CommandTable = {
  attach: ATTACH,
  commit: COMMIT,
  cp: CP,
  create: CREATE,
  diff: DIFF,
  events: EVENTS,
  export: EXPORT,
  history: HISTORY,
  import: IMPORT,
  inspect: {
    summary: 'Return low-level information on Gantry objects',
    load: async () => (await import('./commands/inspect.ts')).inspectCommand,
  },
  kill: KILL,
  load: LOAD,
  logs: LOGS,
  pause: PAUSE,
  port: PORT,
  rename: RENAME,
  restart: RESTART,
  rm: RM,
  rmi: RMI,
  save: SAVE,
  start: START,
  stats: STATS,
  stop: STOP,
  tag: TAG,
  top: TOP,
  unpause: UNPAUSE,
  update: UPDATE,
  wait: WAIT,
};

/** Commands by what they act on: `gantry container ls`. */
export const COMMAND_GROUPS: Readonly<Record<string, { readonly summary: string; readonly commands: CommandTable }>> = {
  container: {
    summary: 'Manage containers',
    commands: {
      attach: ATTACH,
      commit: COMMIT,
      cp: CP,
      create: CREATE,
      diff: DIFF,
      exec: EXEC,
      export: EXPORT,
      inspect: {
        summary: 'Display detailed information on one or more containers',
        load: async () => (await import('./commands/inspect.ts')).containerInspectCommand,
      },
      kill: KILL,
      logs: LOGS,
      ls: { ...PS, aliases: ['list', 'ps'] },
      pause: PAUSE,
      port: PORT,
      prune: {
        summary: 'Remove all stopped containers',
        load: async () => (await import('./commands/prune.ts')).containerPruneCommand,
      },
      rename: RENAME,
      restart: RESTART,
      rm: { ...RM, aliases: ['remove'] },
      run: RUN,
      start: START,
      stats: STATS,
      stop: STOP,
      top: TOP,
      unpause: UNPAUSE,
      update: UPDATE,
      wait: WAIT,
    },
  },
  image: {
    summary: 'Manage images',
    commands: {
      build: BUILD,
      history: HISTORY,
      import: IMPORT,
      inspect: {
        summary: 'Display detailed information on one or more images',
        load: async () => (await import('./commands/inspect.ts')).imageInspectCommand,
      },
      load: LOAD,
      ls: { ...IMAGES, aliases: ['list'] },
      prune: {
        summary: 'Remove unused images',
        load: async () => (await import('./commands/prune.ts')).imagePruneCommand,
      },
      pull: PULL,
      push: PUSH,
      rm: { ...RMI, aliases: ['remove'] },
      save: SAVE,
      tag: TAG,
    },
  },
  dns: {
    summary: 'Let the host find containers by name',
    commands: {
      install: {
        summary: 'Let programs of this host find containers by name',
        load: async () => (await import('./commands/dns.ts')).dnsInstallCommand,
      },
      status: {
        summary: 'Show whether the host finds containers by name',
        load: async () => (await import('./commands/dns.ts')).dnsStatusCommand,
      },
      uninstall: {
        summary: "Take back what 'gantry dns install' did",
        load: async () => (await import('./commands/dns.ts')).dnsUninstallCommand,
      },
    },
  },
  network: { summary: 'Manage networks', commands: NETWORK_COMMANDS },
  system: {
    summary: 'Manage Gantry',
    commands: {
      df: {
        summary: 'Show disk usage',
        load: async () => (await import('./commands/system-df.ts')).systemDfCommand,
      },
      events: EVENTS,
      info: INFO,
    },
  },
  volume: { summary: 'Manage volumes', commands: VOLUME_COMMANDS },
};
