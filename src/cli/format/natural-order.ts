/** Names in the order in which people count: `web2` before `web10`. */
export function compareNaturally(a: string, b: string): number {
  const split = (text: string): readonly string[] => text.match(/\d+|\D+/g) ?? [];
  const [as, bs] = [split(a), split(b)];
  for (let at = 0; at < Math.min(as.length, bs.length); at++) {
    const [one = '', other = ''] = [as[at], bs[at]];
    const difference = /^\d/.test(one) && /^\d/.test(other) ? Number(one) - Number(other) : 0;
    if (difference !== 0) return difference;
    if (one !== other) return one < other ? -1 : 1;
  }
  return as.length - bs.length;
}
