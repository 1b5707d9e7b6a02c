import { addressBytes } from '#/base/ip.ts';

/** One UDP datagram between the ports of DHCP as an Ethernet frame, and back. Pure. */

const ETHERNET_BYTES = 14;
const IP_BYTES = 20;
const UDP_BYTES = 8;
const ETHERTYPE_IP = 0x0800;
const UDP = 17;
const TTL = 64;
const SERVER_PORT = 67;
export const CLIENT_PORT = 68;
const FRAGMENT_MASK = 0x3fff;

export const BROADCAST = { macAddress: 'ff:ff:ff:ff:ff:ff', address: '255.255.255.255' };

export interface Place {
  readonly macAddress: string;
  readonly address: string;
}

/** From a client to a server. */
export function encodeFrame(source: Place, target: Place, datagram: Buffer): Buffer {
  const header = Buffer.alloc(ETHERNET_BYTES + IP_BYTES + UDP_BYTES);
  header.write(target.macAddress.replaceAll(':', ''), 0, 'hex');
  header.write(source.macAddress.replaceAll(':', ''), 6, 'hex');
  header.writeUInt16BE(ETHERTYPE_IP, 12);
  const ip = header.subarray(ETHERNET_BYTES, ETHERNET_BYTES + IP_BYTES);
  ip[0] = 0x45;
  ip.writeUInt16BE(IP_BYTES + UDP_BYTES + datagram.length, 2);
  ip[8] = TTL;
  ip[9] = UDP;
  ip.set(addressBytes(source.address), 12);
  ip.set(addressBytes(target.address), 16);
  ip.writeUInt16BE(checksum(ip), 10);
  const udp = header.subarray(ETHERNET_BYTES + IP_BYTES);
  udp.writeUInt16BE(CLIENT_PORT, 0);
  udp.writeUInt16BE(SERVER_PORT, 2);
  // Its checksum stays 0, which means none: RFC 768.
  udp.writeUInt16BE(UDP_BYTES + datagram.length, 4);
  return Buffer.concat([header, datagram]);
}

function checksum(header: Buffer): number {
  let sum = 0;
  for (let i = 0; i < header.length; i += 2) sum += header.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

/** What a server sent to a client, and from which machine; undefined for any other frame. */
export function decodeFrame(frame: Buffer): { readonly sourceMac: string; readonly datagram: Buffer } | undefined {
  if (frame.length < ETHERNET_BYTES + IP_BYTES + UDP_BYTES || frame.readUInt16BE(12) !== ETHERTYPE_IP) return undefined;
  const ip = frame.subarray(ETHERNET_BYTES);
  const ipBytes = ((ip[0] ?? 0) & 0xf) * 4;
  const isWholeUdp = (ip[0] ?? 0) >> 4 === 4 && ip[9] === UDP && (ip.readUInt16BE(6) & FRAGMENT_MASK) === 0;
  if (!isWholeUdp || ipBytes < IP_BYTES || ip.length < ipBytes + UDP_BYTES) return undefined;
  const udp = ip.subarray(ipBytes);
  if (udp.readUInt16BE(0) !== SERVER_PORT || udp.readUInt16BE(2) !== CLIENT_PORT) return undefined;
  const lengthBytes = udp.readUInt16BE(4);
  if (lengthBytes < UDP_BYTES || lengthBytes > udp.length) return undefined;
  const sourceMac = [...frame.subarray(6, 12)].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
  return { sourceMac, datagram: udp.subarray(UDP_BYTES, lengthBytes) };
}
