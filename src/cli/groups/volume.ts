import type { CommandTable } from '../registry.ts';

/** `gantry volume …` */
export const VOLUME_COMMANDS: CommandTable = {
  clone: {
    summary: 'Create a volume with the content of another',
    load: async () => (await import('../commands/volume-snapshot.ts')).volumeCloneCommand,
  },
  create: {
    summary: 'Create a volume',
    load: async () => (await import('../commands/volume-create.ts')).volumeCreateCommand,
  },
  inspect: {
    summary: 'Display detailed information on one or more volumes',
    load: async () => (await import('../commands/inspect.ts')).volumeInspectCommand,
  },
  ls: {
    summary: 'List volumes',
    load: async () => (await import('../commands/volume-ls.ts')).volumeLsCommand,
    aliases: ['list'],
  },
  prune: {
    summary: 'Remove unused local volumes',
    load: async () => (await import('../commands/prune.ts')).volumePruneCommand,
  },
  restore: {
    summary: 'Put a volume back to one of its snapshots',
    load: async () => (await import('../commands/volume-snapshot.ts')).volumeRestoreCommand,
  },
  rm: {
    summary: 'Remove one or more volumes',
    load: async () => (await import('../commands/volume-rm.ts')).volumeRmCommand,
    aliases: ['remove'],
  },
  snapshot: {
    summary: "Keep a volume's content of now",
    load: async () => (await import('../commands/volume-snapshot.ts')).volumeSnapshotCommand,
  },
  snapshots: {
    summary: "List or remove a volume's snapshots",
    load: async () => (await import('../commands/volume-snapshots.ts')).volumeSnapshotsCommand,
  },
};
