import type { RestartPolicy } from '#/spec/docker-api/container.ts';

/** `no`, `always`, `on-failure[:times]`, `unless-stopped`; whether the name is one of these is the daemon's to say. */
export function restartPolicyOf(text: string): RestartPolicy {
  const [Name = '', times, ...rest] = text.split(':');
  if (text !== '' && Name === '') throw new Error('invalid restart policy format: no policy provided before colon');
  if (rest.length > 0 || (times !== undefined && !/^[-+]?\d+$/.test(times))) {
    throw new Error('invalid restart policy format: maximum retry count must be an integer');
  }
  return { Name, MaximumRetryCount: Number(times ?? 0) };
}
