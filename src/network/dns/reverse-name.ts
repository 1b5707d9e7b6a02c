const IPV4_SUFFIX = '.in-addr.arpa';
const IPV6_SUFFIX = '.ip6.arpa';
const NIBBLES = /^(?:[0-9a-f]\.){31}[0-9a-f]$/;
const OCTETS = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** `2.0.17.172.in-addr.arpa` → the 8 hexadecimal digits of the address, 32 for IPv6; undefined for what is no address. */
export function parseReverseName(name: string): string | undefined {
  if (name.endsWith(IPV4_SUFFIX)) {
    const text = name.slice(0, -IPV4_SUFFIX.length);
    const octets = text.split('.').reverse().map(Number);
    if (!OCTETS.test(text) || octets.some((octet) => octet > 255)) return undefined;
    return Buffer.from(octets).toString('hex');
  }
  if (!name.endsWith(IPV6_SUFFIX)) return undefined;
  const text = name.slice(0, -IPV6_SUFFIX.length);
  return NIBBLES.test(text) ? text.split('.').reverse().join('') : undefined;
}
