import type { CommandTable } from '../registry.ts';

/** `gantry network …` */
export const NETWORK_COMMANDS: CommandTable = {
  connect: {
    summary: 'Connect a container to a network',
    load: async () => (await import('../commands/network-connect.ts')).networkConnectCommand,
  },
  create: {
    summary: 'Create a network',
    load: async () => (await import('../commands/network-create.ts')).networkCreateCommand,
  },
  disconnect: {
    summary: 'Disconnect a container from a network',
    load: async () => (await import('../commands/network-connect.ts')).networkDisconnectCommand,
  },
  inspect: {
    summary: 'Display detailed information on one or more networks',
    load: async () => (await import('../commands/inspect.ts')).networkInspectCommand,
  },
  ls: {
    summary: 'List networks',
    load: async () => (await import('../commands/network-ls.ts')).networkLsCommand,
    aliases: ['list'],
  },
  prune: {
    summary: 'Remove all unused networks',
    load: async () => (await import('../commands/prune.ts')).networkPruneCommand,
  },
  rm: {
    summary: 'Remove one or more networks',
    load: async () => (await import('../commands/network-rm.ts')).networkRmCommand,
    aliases: ['remove'],
  },
};
