import { TAR_BLOCK_BYTES } from '#/archive/tar-entry.ts';

const OCTAL_SIZE_MAX = 8 ** 11 - 1;

/**
 * The ustar header of a file, or of a directory where the name ends in a slash: root's, readable by all, of the epoch.
 * The name is ASCII of at most 100 characters. Sizes over 8 GiB are written as GNU tar does (base 256).
 */
export function memberHeader(name: string, sizeBytes: number): Buffer {
  const isDirectory = name.endsWith('/');
  const header = Buffer.alloc(TAR_BLOCK_BYTES);
  header.write(name, 0, 100, 'latin1');
  header.write(isDirectory ? '0000755\0' : '0000644\0', 100);
  header.write('0000000\x000000000\0', 108);
  if (sizeBytes <= OCTAL_SIZE_MAX) header.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124);
  else header.writeBigUInt64BE(BigInt(sizeBytes), 128);
  if (sizeBytes > OCTAL_SIZE_MAX) header[124] = 0x80;
  header.write('00000000000\0', 136);
  header.write(' '.repeat(8), 148);
  header.write(isDirectory ? '5' : '0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
