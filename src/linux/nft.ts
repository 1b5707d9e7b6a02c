import { EngineError } from '#/base/errors.ts';
import { runProgram } from './process.ts';

/** Objects and commands of libnftables-json(5). */
export type NftObject = Readonly<Record<string, unknown>>;

const TIMEOUT_MS = 10_000;

/** Everything in a table as nft lists it, without handles; undefined where there is no such table. */
export async function listNftTable(family: string, name: string): Promise<readonly NftObject[] | undefined> {
  const result = await runProgram('nft', ['-j', 'list', 'table', family, name], { timeoutMs: TIMEOUT_MS });
  if (result.code !== 0) {
    if (result.stderr.includes('No such file or directory')) return undefined;
    throw nftError(`list the nftables table ${family} ${name}`, result.stderr);
  }
  const { nftables } = JSON.parse(result.stdout, (key, value) => (key === 'handle' ? undefined : value)) as {
    readonly nftables: readonly NftObject[];
  };
  return nftables.filter((object) => !('metainfo' in object));
}

/**
 * Carries out all commands in one transaction: all of them, or none. As an argument (128 KiB at most), not on stdin: nft
 * opens /dev/stdin by name, which fails on the socket that Node's pipes are.
 */
export async function applyNft(attempted: string, commands: readonly NftObject[]): Promise<void> {
  const json = JSON.stringify({ nftables: commands });
  const result = await runProgram('nft', ['-j', json], { timeoutMs: TIMEOUT_MS });
  if (result.code !== 0) throw nftError(attempted, result.stderr);
}

const nftError = (attempted: string, stderr: string): EngineError =>
  new EngineError('unavailable', `${attempted}: nft says ${stderr.trim().slice(0, 2000)}`);
