const ALL = 'ALL';

/** Capabilities under their full names, each once and sorted; what is added is not dropped, and ALL swallows the rest. */
export function effectiveCapabilities(
  add: readonly string[],
  drop: readonly string[],
): { readonly CapAdd: readonly string[]; readonly CapDrop: readonly string[] } {
  const added = normalize(add);
  const dropped = normalize(drop).filter((name) => !added.includes(name));
  return { CapAdd: added, CapDrop: dropped };
}

function normalize(names: readonly string[]): readonly string[] {
  const full = names.map((name) => {
    const upper = name.trim().toUpperCase();
    return upper === ALL || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  });
  return full.includes(ALL) ? [ALL] : [...new Set(full)].sort();
}
