import type { Replies } from './recorder.ts';

/** Answers of a daemon with some of everything, in the shapes of the Docker Engine API v1.51. */

const ID = 'a'.repeat(64);
const DAY = '2026-11-20T10:11:12.123456789Z';

const network = (name: string, more: object = {}): object => ({
  Name: name,
  Id: ID,
  Created: DAY,
  Scope: 'local',
  Driver: 'bridge',
  EnableIPv4: true,
  EnableIPv6: false,
  IPAM: { Driver: 'default', Options: {}, Config: [{ Subnet: '172.17.0.0/16', Gateway: '172.17.0.1' }] },
  Internal: false,
  Attachable: false,
  Ingress: false,
  ConfigFrom: { Network: '' },
  ConfigOnly: false,
  Containers: {},
  Options: {},
  Labels: { a: '1' },
  ...more,
});

/** Fields in the order in which docker prints a volume. */
const volume = (name: string, more: object = {}): object => ({
  CreatedAt: '2026-11-20T10:11:12Z',
  Driver: 'local',
  Labels: { a: '1' },
  Mountpoint: `/data/volumes/${name}/_data`,
  Name: name,
  Options: null,
  Scope: 'local',
  ...more,
});

const image = (letter: string, more: object): object => ({
  Id: `sha256:${letter.repeat(64)}`,
  ParentId: '',
  RepoTags: [],
  RepoDigests: [],
  Created: 1_700_000_000,
  Size: 119_456_789,
  SharedSize: 0,
  Containers: 0,
  Labels: null,
  ...more,
});

const container = (letter: string, more: object): object => ({
  Id: letter.repeat(64),
  Names: ['/up'],
  Image: 'busybox:test',
  ImageID: `sha256:${ID}`,
  Command: 'sleep 100',
  Created: 1_700_000_000,
  Ports: [],
  SizeRw: 1234,
  SizeRootFs: 4_001_234,
  Labels: {},
  State: 'running',
  Status: 'Up 3 minutes',
  HostConfig: { NetworkMode: 'bridge' },
  NetworkSettings: { Networks: {} },
  Mounts: [],
  ...more,
});

const port = (IP: string | undefined, PublicPort: number | undefined, PrivatePort: number, Type = 'tcp'): object => ({
  ...(IP === undefined ? {} : { IP }),
  PrivatePort,
  ...(PublicPort === undefined ? {} : { PublicPort }),
  Type,
});

const PORTS = [
  port('0.0.0.0', 8080, 80),
  port('::', 8080, 80),
  port('0.0.0.0', 8081, 81),
  port('::', 8081, 81),
  port('127.0.0.1', 53, 53, 'udp'),
  port(undefined, undefined, 443),
  port(undefined, undefined, 444),
  port('0.0.0.0', 9000, 90),
  port('0.0.0.0', 9001, 90),
];

const DISK_USAGE = {
  LayersSize: 123_456_789,
  Images: [
    image('a', { RepoTags: ['busybox:test', 'b:2'], Size: 4e6, SharedSize: 1e6, Containers: 1 }),
    image('b', {}),
  ],
  Containers: [
    container('c', { Mounts: [{ Type: 'volume', Name: 'foo', Destination: '/x', Driver: 'local', RW: true }] }),
    container('d', { Names: ['/ended'], State: 'exited', Status: 'Exited (0) 3 minutes ago', SizeRw: 10 }),
  ],
  Volumes: [
    volume('foo', { UsageData: { Size: 2000, RefCount: 1 } }),
    volume('bar', { UsageData: { Size: 3000, RefCount: 0 } }),
    volume('unknown', { UsageData: { Size: -1, RefCount: -1 } }),
  ],
  BuildCache: [],
};

const EVENTS = [
  ['network', 'create', { name: 'foo', type: 'bridge' }],
  ['network', 'connect', { container: ID, name: 'foo', type: 'bridge' }],
  ['network', 'destroy', { name: 'foo', type: 'bridge' }],
  ['volume', 'create', { driver: 'local' }],
  ['volume', 'mount', { container: ID, destination: '/x', driver: 'local', propagation: '', 'read/write': 'true' }],
] as const;

const eventLines = EVENTS.map(([Type, Action, Attributes], at) => {
  const event = { Type, Action, Actor: { ID, Attributes }, scope: 'local', time: 1_700_000_000 + at };
  return `${JSON.stringify(event).slice(0, -1)},"timeNano":${1_700_000_000 + at}123456789}\n`;
});

const refuse = (status: number, message: string) => ({ status, body: { message } });

export const REPLIES: Replies = {
  'POST /networks/create': { status: 201, body: { Id: ID, Warning: '' } },
  'GET /networks': {
    body: [
      network('foo10'),
      network('bridge', { Internal: true }),
      network('foo2', { EnableIPv6: true, Labels: null, Driver: 'macvlan', Created: '2026-11-20T10:11:12+01:00' }),
    ],
  },
  'GET /networks/bad': refuse(404, 'network bad not found'),
  'GET /networks/*': { body: network('foo') },
  'DELETE /networks/bad': refuse(404, 'network bad not found'),
  'DELETE /networks/busy': refuse(403, 'error while removing network: network busy has active endpoints'),
  'DELETE /networks/*': { status: 204 },
  'POST /networks/prune': { body: { NetworksDeleted: ['foo', 'bar'] } },
  'POST /networks/*': {},
  'POST /volumes/create': { status: 201, body: volume('foo') },
  'GET /volumes': {
    body: {
      Volumes: [
        volume('foo10'),
        volume('foo2', { Labels: null, Driver: 'other', UsageData: { Size: 1_234_567, RefCount: 2 } }),
        volume('b'.repeat(64)),
      ],
      Warnings: null,
    },
  },
  'GET /volumes/bad': refuse(404, 'get bad: no such volume'),
  'GET /volumes/*': { body: volume('foo') },
  'DELETE /volumes/bad': refuse(404, 'get bad: no such volume'),
  'DELETE /volumes/busy': refuse(409, 'remove busy: volume is in use - [abc]'),
  'DELETE /volumes/*': { status: 204 },
  'POST /volumes/prune': { body: { VolumesDeleted: ['foo', 'bar'], SpaceReclaimed: 12_345_678 } },
  'GET /containers/c/json': {
    body: {
      Id: ID,
      Name: '/c',
      NetworkSettings: {
        Ports: {
          '80/tcp': [
            { HostIp: '0.0.0.0', HostPort: '8080' },
            { HostIp: '::', HostPort: '8080' },
          ],
          '443/tcp': null,
          '53/udp': [{ HostIp: '127.0.0.1', HostPort: '53' }],
          '8/tcp': [{ HostIp: '', HostPort: '9' }],
        },
      },
    },
  },
  'GET /images/json': { body: [image('a', {})] },
  'GET /containers/json': { body: [container('c', { Ports: PORTS })] },
  'GET /containers/*/json': refuse(404, 'No such container: bad'),
  'POST /containers/*/update': { body: { Warnings: ['careful'] } },
  'GET /system/df': { body: DISK_USAGE },
  'GET /events': { body: Buffer.from(eventLines.join('')), headers: { 'content-type': 'application/json' } },
};
