/** Parameters of a request; lists are repeated, undefined ones left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

/** `?a=b&c=1`, or nothing. */
export function printQuery(query: Query = {}): string {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const values = Array.isArray(value) ? value : [value === true ? '1' : value === false ? '0' : value];
    return values.map((one) => `${name}=${encodeURIComponent(String(one))}`);
  });
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`;
}
