import { readText } from './key-values.ts';

export interface SecurityOptions {
  readonly options: readonly string[];
  /** `systempaths=unconfined`: nothing under /proc and /sys is masked. */
  readonly unmasksPaths: boolean;
}

/** `--security-opt`; a seccomp profile's file is read here, since the daemon may be elsewhere. */
export function parseSecurityOptions(texts: readonly string[]): SecurityOptions {
  let unmasksPaths = false;
  const options = texts.flatMap((text) => {
    const [, key, value = ''] = /^([^=:]*)[=:](.*)$/s.exec(text) ?? [];
    if (key === undefined && text !== 'no-new-privileges')
      throw new Error(`Invalid --security-opt: ${JSON.stringify(text)}`);
    if (key === 'systempaths' && value === 'unconfined') {
      unmasksPaths = true;
      return [];
    }
    if (key === 'seccomp' && value !== 'unconfined' && value !== 'builtin') return [`seccomp=${readProfile(value)}`];
    return [text];
  });
  return { options, unmasksPaths };
}

function readProfile(file: string): string {
  let text: string;
  try {
    text = readText(file);
  } catch (error) {
    throw new Error(`opening seccomp profile (${file}) failed: ${error instanceof Error ? error.message : error}`);
  }
  try {
    return JSON.stringify(JSON.parse(text));
  } catch (error) {
    throw new Error(
      `compacting json for seccomp profile (${file}) failed: ${error instanceof Error ? error.message : error}`,
    );
  }
}
