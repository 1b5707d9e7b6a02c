import { assignProject, enforcesProjectQuotas, limitProject } from '#/linux/project-quota.ts';

/** Far from what administrators number by hand. */
const FIRST_PROJECT = 0x4700_0000;

/** Limits of directories by project quotas. Each limited volume is a project of its own, whose number its row keeps. */
export class VolumeQuota {
  readonly isSupported: boolean;
  #lastProject: number;

  /** `used` are the projects of the volumes that there are. */
  constructor(root: string, used: Iterable<number>) {
    this.isSupported = enforcesProjectQuotas(root);
    this.#lastProject = Math.max(FIRST_PROJECT, ...used);
  }

  /** A project that no volume has had since the engine started. */
  newProject(): number {
    return ++this.#lastProject;
  }

  /** The limit of an empty directory and all that will be made in it. */
  limit(directory: string, projectId: number, sizeBytes: number): void {
    assignProject(directory, projectId);
    limitProject(directory, projectId, sizeBytes);
  }
}
