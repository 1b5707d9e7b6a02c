import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import type { Network } from '../network.ts';

/**
 * Namespaces, links and talkers for kernel tests of networks, inside a throwaway host: `outside` is a neighbour of the host
 * (192.0.2.1 and 2001:db8::1) at 192.0.2.2 and 2001:db8::2, with routes through the host to all containers.
 */
export class NetLab {
  readonly dir = mkdtempSync(join(tmpdir(), 'lab-'));
  readonly #processes: ChildProcess[] = [];
  readonly #namespaces: string[] = [];

  constructor() {
    writeFileSync(join(this.dir, 'talk.py'), TALK);
    for (const setting of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
      writeFileSync(`/proc/sys/net/${setting}`, '1');
    this.#skipDuplicateDetection('');
    this.namespace('outside');
    run('ip', 'link', 'add', 'ext0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'outside');
    this.address('', 'ext0', '192.0.2.1/24', '2001:db8::1/64');
    this.address('outside', 'eth0', '192.0.2.2/24', '2001:db8::2/64');
    for (const [route, via] of [
      ['172.16.0.0/12', '192.0.2.1'],
      ['fd00::/8', '2001:db8::1'],
    ] as const) {
      this.in('outside', 'ip', 'route', 'add', route, 'via', via);
    }
  }

  namespace(name: string): void {
    run('ip', 'netns', 'add', name);
    this.#namespaces.push(name);
    this.in(name, 'ip', 'link', 'set', 'lo', 'up');
    this.#skipDuplicateDetection(name);
  }

  /** It would hold back each new address for a second or two. */
  #skipDuplicateDetection(namespace: string): void {
    this.in(namespace, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0', 'net.ipv6.conf.all.accept_dad=0');
  }

  /** A bridge as the network's driver makes it, with .1 and ::1. */
  bridge(name: string, block: number): void {
    run('ip', 'link', 'add', name, 'address', macOf(block, 1), 'type', 'bridge');
    this.address('', name, `172.${block}.0.1/16`, `fd00:${block}::1/64`);
    writeFileSync(`/proc/sys/net/ipv4/conf/${name}/route_localnet`, '1');
  }

  /** A namespace on the bridge with the addresses 172.<block>.0.<n> and fd00:<block>::<n>; its host end is `p-<name>`. */
  container(name: string, bridge: string, block: number, n: number): void {
    this.namespace(name);
    const port = `p-${name}`;
    run('ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name, 'address', macOf(block, n));
    run('ip', 'link', 'set', port, 'master', bridge, 'up');
    run('ip', 'link', 'set', port, 'type', 'bridge_slave', 'hairpin', 'on');
    this.address(name, 'eth0', `172.${block}.0.${n}/16`, `fd00:${block}::${n}/64`);
    this.in(name, 'ip', 'route', 'add', 'default', 'via', `172.${block}.0.1`);
    this.in(name, 'ip', 'route', 'add', 'default', 'via', `fd00:${block}::1`);
  }

  address(namespace: string, link: string, ipv4: string, ipv6: string): void {
    this.in(namespace, 'ip', 'link', 'set', link, 'up');
    this.in(namespace, 'ip', 'address', 'add', ipv4, 'dev', link);
    this.in(namespace, 'ip', 'address', 'add', ipv6, 'dev', link, 'nodad');
  }

  /** Runs the program in a namespace; in the host where that is ''. */
  in(namespace: string, ...command: readonly string[]): string {
    const all = namespace === '' ? command : ['ip', 'netns', 'exec', namespace, ...command];
    const [program = '', ...args] = all;
    return run(program, ...args);
  }

  /** Serves tcp and udp at these ports, v4 and v6, and tells each caller the address that it sees. */
  async serve(namespace: string, ...ports: readonly number[]): Promise<void> {
    const server = this.python(namespace, 'serve', ...ports.map(String));
    await once(server.stdout ?? server, 'data');
  }

  talk(...args: readonly string[]): readonly string[] {
    return [...PYTHON, join(this.dir, 'talk.py'), ...args];
  }

  /** A long-running talk.py; it ends with the lab. */
  python(namespace: string, ...args: readonly string[]): ChildProcess {
    const command = this.talk(...args);
    const all = namespace === '' ? command : ['ip', 'netns', 'exec', namespace, ...command];
    const child = spawn(all[0] ?? '', all.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#processes.push(child);
    return child;
  }

  /** The caller's address as the server at the other end saw it; or `refused`, `timeout`, `unreachable`. */
  async call(
    namespace: string,
    address: string,
    port: number,
    protocol: 'tcp' | 'udp' = 'tcp',
    source = '',
  ): Promise<string> {
    const caller = this.python(namespace, 'call', protocol, address, String(port), source);
    return (await text(caller.stdout ?? Readable.from([]))).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    // First the links: those of a namespace go some time after it.
    for (const kind of ['veth', 'bridge']) {
      for (const { ifname } of JSON.parse(run('ip', '-j', 'link', 'show', 'type', kind)) as { ifname: string }[]) {
        run('ip', 'link', 'delete', ifname);
      }
    }
    for (const name of this.#namespaces) run('ip', 'netns', 'delete', name);
    run('nft', 'flush', 'ruleset');
    rmSync(this.dir, { recursive: true });
  }
}

export const run = (program: string, ...args: readonly string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });

export const macOf = (block: number, n: number): string =>
  `02:42:ac:${[block, 0, n].map((byte) => byte.toString(16).padStart(2, '0')).join(':')}`;

/** A bridge network of the lab. */
export const labNetwork = (
  bridgeName: string,
  options: Readonly<Record<string, string>> = {},
  internal = false,
): Network => ({
  id: bridgeName,
  name: bridgeName,
  driver: 'bridge',
  createdAtMs: 0,
  bridgeName,
  ipam: [],
  ipamDriver: 'default',
  ipamOptions: {},
  enableIpv4: true,
  enableIpv6: true,
  internal,
  attachable: false,
  ingress: false,
  labels: {},
  options,
});

const PYTHON = ['/usr/bin/python3', '-SEI'];
const TALK = `
import errno, os, select, socket, sys

def serve(ports):
    tcp, udp = [], []
    for port in ports:
        for family, any in ((socket.AF_INET, '0.0.0.0'), (socket.AF_INET6, '::')):
            for kind, group in ((socket.SOCK_STREAM, tcp), (socket.SOCK_DGRAM, udp)):
                s = socket.socket(family, kind)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6: s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                s.bind((any, port))
                if kind == socket.SOCK_STREAM: s.listen(16)
                group.append(s)
    print('ready', flush=True)
    while True:
        for s in select.select(tcp + udp, [], [])[0]:
            if s in udp:
                _, peer = s.recvfrom(100)
                s.sendto(peer[0].encode(), peer)
            else:
                c, peer = s.accept()
                c.sendall(peer[0].encode())
                c.close()

def call(protocol, address, port, source):
    family = socket.AF_INET6 if ':' in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_STREAM if protocol == 'tcp' else socket.SOCK_DGRAM)
    s.settimeout(0.4)
    if source:
        host, _, number = source.partition(' ')
        s.bind((host, int(number or 0)))
    try:
        s.connect((address, port))
        if protocol == 'udp': s.send(b'?')
        return s.recv(100).decode() or 'closed'
    except socket.timeout: return 'timeout'
    except ConnectionRefusedError: return 'refused'
    except OSError as e: return 'unreachable' if e.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EINVAL) else str(e)

def hold(address, port):
    """Connects, then sends and reads back one line for each line of input."""
    s = socket.create_connection((address, port), 2)
    print('ready', flush=True)
    for line in sys.stdin:
        s.sendall(line.encode())
        print(s.recv(100).decode().strip(), flush=True)

def echo(port):
    l = socket.create_server(('0.0.0.0', port))
    print('ready', flush=True)
    c, _ = l.accept()
    while True:
        data = c.recv(100)
        if not data: return
        c.sendall(data)

def raw(hex):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    s.bind(('eth0', 0))
    s.send(bytes.fromhex(hex))

command, args = sys.argv[1], sys.argv[2:]
if command == 'serve': serve([int(p) for p in args])
elif command == 'call': print(call(args[0], args[1], int(args[2]), args[3]))
elif command == 'hold': hold(args[0], int(args[1]))
elif command == 'echo': echo(int(args[0]))
elif command == 'raw': raw(args[0])
`;
