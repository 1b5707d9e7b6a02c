import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { inThrowawayHost } from '../../tests/support/host.ts';
import { assignProject, enforcesProjectQuotas, limitProject } from './project-quota.ts';

inThrowawayHost();

/** An ext4 file system with these features and mount options; undefined where this kernel cannot mount it. */
function mountExt4(name: string, features: string, options: string): string | undefined {
  const [image, directory] = [join(tmpdir(), `${name}.ext4`), join(tmpdir(), name)];
  closeSync(openSync(image, 'w'));
  truncateSync(image, 16 * 1024 * 1024);
  execFileSync('mkfs.ext4', ['-q', '-I', '256', '-O', features, image]);
  mkdirSync(directory);
  try {
    execFileSync('mount', ['-o', `loop${options}`, image, directory], { stdio: 'pipe' });
    return directory;
  } catch {
    return undefined;
  }
}

test('a file system without quotas enforces none, and says so when one is to be set', () => {
  assert.equal(enforcesProjectQuotas(tmpdir()), false);
  assert.throws(() => limitProject(tmpdir(), 4711, 1_000_000), /limit project 4711/);
});

test('what is made in a directory of a project belongs to it', (context) => {
  const directory = mountExt4('projects', 'project', '');
  if (directory === undefined) return context.skip('this kernel mounts no ext4 with projects');
  const inside = join(directory, 'inside');
  mkdirSync(inside);
  assignProject(inside, 4711);
  writeFileSync(join(inside, 'file'), '');
  mkdirSync(join(inside, 'deeper'));
  const listed = execFileSync('lsattr', ['-p', inside], { encoding: 'utf8' });
  assert.equal(listed.match(/^ *4711 /gm)?.length, 2, listed);
});

test('a project takes no more than its limit', (context) => {
  const directory = mountExt4('limits', 'quota,project', ',prjquota');
  if (directory === undefined || !enforcesProjectQuotas(directory))
    return context.skip('this kernel has no quotas for ext4 (CONFIG_QFMT_V2)');
  const inside = join(directory, 'inside');
  mkdirSync(inside);
  assignProject(inside, 4711);
  limitProject(directory, 4711, 1_000_000);
  assert.throws(() => writeFileSync(join(inside, 'file'), Buffer.alloc(3_000_000)), { code: 'EDQUOT' });
  limitProject(directory, 4711, 0);
  writeFileSync(join(inside, 'file'), Buffer.alloc(3_000_000));
});
