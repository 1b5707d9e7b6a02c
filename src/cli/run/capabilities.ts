/** Capabilities under their full names, each once and sorted. */
export function fullCapabilities(names: readonly string[]): readonly string[] {
  const full = names.map((name) => {
    const upper = name.trim().toUpperCase();
    return upper === 'ALL' || upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
  });
  return [...new Set(full)].sort();
}
