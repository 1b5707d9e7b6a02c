import { readFileSync } from 'node:fs';
import { EngineError, toEngineError } from '#/base/errors.ts';
import { tightenToDocker } from '#/runtime/docker-seccomp.ts';
import { resolveSeccomp, type SeccompSubject } from '#/runtime/seccomp.ts';
import type { OciSeccomp } from '#/spec/oci/runtime.ts';
import type { SecuritySettings } from './config.ts';

export interface SeccompHost {
  /** Of the default profile; undefined where the host has none. */
  readonly profilePath: string | undefined;
  readonly architecture: string;
  readonly kernelVersion: string;
  /** Whether this kernel filters system calls at all. */
  readonly available: boolean;
}

/** Turns seccomp settings into filters. The default profile is read once, and resolved once for each set of capabilities. */
export class SeccompProfiles {
  readonly #host: SeccompHost;
  readonly #resolved = new Map<string, OciSeccomp>();

  constructor(host: SeccompHost) {
    this.#host = host;
  }

  /** Undefined: no filter. Throws unavailable where the default profile is asked for and the host has none. */
  filterFor({ privileged, seccomp }: SecuritySettings, capabilities: readonly string[]): OciSeccomp | undefined {
    if (seccomp.kind === 'unconfined' || (privileged && seccomp.kind === 'default')) return undefined;
    if (!this.#host.available) {
      if (seccomp.kind === 'default') return undefined;
      throw new EngineError(
        'unavailable',
        'seccomp is not enabled in your kernel, cannot run a custom seccomp profile',
      );
    }
    return seccomp.kind === 'profile'
      ? resolveSeccomp(seccomp.json, this.#subject(capabilities))
      : this.#default(capabilities);
  }

  #default(capabilities: readonly string[]): OciSeccomp {
    const key = capabilities.join(' ');
    let filter = this.#resolved.get(key);
    if (filter === undefined) {
      const subject = this.#subject(capabilities);
      filter = tightenToDocker(resolveSeccomp(this.#readDefault(), subject), subject);
      this.#resolved.set(key, filter);
    }
    return filter;
  }

  #readDefault(): string {
    const { profilePath } = this.#host;
    if (profilePath === undefined) {
      throw new EngineError(
        'unavailable',
        'this host has no default seccomp profile: install golang-github-containers-common (containers-common), or run with --security-opt seccomp=unconfined',
      );
    }
    try {
      return readFileSync(profilePath, 'utf8');
    } catch (error) {
      throw toEngineError(error, `read the seccomp profile ${profilePath}`);
    }
  }

  #subject(capabilities: readonly string[]): SeccompSubject {
    const { architecture, kernelVersion } = this.#host;
    return { capabilities, architecture, kernelVersion };
  }
}
