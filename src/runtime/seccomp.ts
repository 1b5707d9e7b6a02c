import { EngineError, messageOf } from '#/base/errors.ts';
import { isKernelAtLeast } from '#/linux/kernel-version.ts';
import type { OciSeccomp, OciSeccompRule } from '#/spec/oci/runtime.ts';

/** What a profile's conditions are about. */
export interface SeccompSubject {
  /** The container's bounding set. */
  readonly capabilities: readonly string[];
  /** As uname says: `x86_64`, `aarch64`. */
  readonly architecture: string;
  /** As uname says: `6.18.44-generic`. */
  readonly kernelVersion: string;
}

interface Condition {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

interface ProfileRule {
  readonly name?: string;
  readonly names?: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: OciSeccompRule['args'] | null;
  readonly includes?: Condition;
  readonly excludes?: Condition;
}

/** Docker's format: the runtime's own, with conditions, and sub-architectures by architecture. */
interface Profile {
  readonly defaultAction?: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] | null }[];
  readonly flags?: readonly string[];
  readonly syscalls?: readonly ProfileRule[];
}

/** By uname's name: the name that profiles use in conditions, and libseccomp's. */
const ARCHITECTURES: Readonly<Record<string, readonly [string, string]>> = {
  x86_64: ['amd64', 'SCMP_ARCH_X86_64'],
  i686: ['x86', 'SCMP_ARCH_X86'],
  aarch64: ['arm64', 'SCMP_ARCH_AARCH64'],
  armv7l: ['arm', 'SCMP_ARCH_ARM'],
  ppc64le: ['ppc64le', 'SCMP_ARCH_PPC64LE'],
  riscv64: ['riscv64', 'SCMP_ARCH_RISCV64'],
  s390x: ['s390x', 'SCMP_ARCH_S390X'],
  loongarch64: ['loong64', 'SCMP_ARCH_LOONGARCH64'],
};

/**
 * A profile (the text of Docker's JSON format, which containers-common's file has too) as the runtime takes it: rules whose
 * conditions this container, architecture and kernel do not meet are left out. Throws invalid-argument for anything that
 * is no such profile.
 */
export function resolveSeccomp(profileText: string, subject: SeccompSubject): OciSeccomp {
  const profile = parseProfile(profileText);
  const [architecture = subject.architecture, libseccompName] = ARCHITECTURES[subject.architecture] ?? [];
  const rules = (profile.syscalls ?? []).filter((rule) => applies(rule, architecture, subject)).map(plainRule);
  return {
    defaultAction: profile.defaultAction ?? '',
    ...(profile.defaultErrnoRet === undefined ? {} : { defaultErrnoRet: profile.defaultErrnoRet }),
    architectures: profile.architectures ?? mappedArchitectures(profile, libseccompName),
    ...(profile.flags === undefined ? {} : { flags: profile.flags }),
    syscalls: rules,
  };
}

function parseProfile(text: string): Profile {
  const invalid = (why: string): EngineError =>
    new EngineError('invalid-argument', `Decoding seccomp profile failed: ${why}`);
  let profile: Profile;
  try {
    profile = JSON.parse(text) as Profile;
  } catch (error) {
    throw invalid(messageOf(error));
  }
  if (profile === null || typeof profile !== 'object' || Array.isArray(profile)) throw invalid('an object expected');
  if (typeof profile.defaultAction !== 'string') throw invalid('defaultAction is missing');
  if (profile.architectures?.length && profile.archMap?.length) {
    throw invalid("both 'architectures' and 'archMap' are specified in the seccomp profile, use only one");
  }
  if (profile.syscalls !== undefined && !Array.isArray(profile.syscalls)) throw invalid('syscalls is not a list');
  for (const rule of profile.syscalls ?? []) {
    if (rule.name && rule.names?.length) {
      throw invalid("both 'name' and 'names' are specified in the seccomp profile, use only one");
    }
    if (typeof rule.action !== 'string') throw invalid('a rule has no action');
  }
  return profile;
}

function applies(
  { includes = {}, excludes = {} }: ProfileRule,
  architecture: string,
  subject: SeccompSubject,
): boolean {
  const hasCapability = (name: string): boolean => subject.capabilities.includes(name);
  if (excludes.arches?.includes(architecture)) return false;
  if (excludes.caps?.some(hasCapability)) return false;
  if (excludes.minKernel !== undefined && isKernelAtLeast(subject.kernelVersion, excludes.minKernel)) return false;
  if (includes.arches?.length && !includes.arches.includes(architecture)) return false;
  if (!(includes.caps ?? []).every(hasCapability)) return false;
  return includes.minKernel === undefined || isKernelAtLeast(subject.kernelVersion, includes.minKernel);
}

function plainRule(rule: ProfileRule): OciSeccompRule {
  return {
    names: rule.names ?? (rule.name === undefined ? [] : [rule.name]),
    action: rule.action,
    ...(rule.errnoRet === undefined ? {} : { errnoRet: rule.errnoRet }),
    ...(rule.args?.length ? { args: rule.args } : {}),
  };
}

function mappedArchitectures(profile: Profile, native: string | undefined): readonly string[] {
  const entry = profile.archMap?.find(({ architecture }) => architecture === native);
  return entry === undefined ? [] : [entry.architecture, ...(entry.subArchitectures ?? [])];
}
