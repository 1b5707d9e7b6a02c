import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasClient } from '../support/docker.ts';
import { startRecorder, withoutNothings } from './recorder.ts';

/** What docker 28.2.2 asks for and says for a command line, Gantry's own client does too; words are separated by blanks. */
const LINES = `
create -it x sh -c echo
create -p 80 x
create -p 127.0.0.1::80 x
create -p [::1]:8080:80/udp x
create -p ::1:8080:80 x
create -p 8000-8010:80 x
create -p 127.0.0.1:8080-8081:80-81/sctp -p 9:90 -p 9:91 x
create -p 8080:80/TCP -p 0:81 x
create -p published=8080,target=80,protocol=udp,mode=host -p target=81 x
create -p target=80,published x
create -p published=80 x
create -p localhost:80:80 x
create -p 80:80/foo x
create -p 70000:80 x
create -p 80: x
create -p 80-81:80-82 x
create --expose 80-82/udp -P x
create --expose 80:81 x
create --expose 81-80 x
create --network foo x
create --network host --expose 80 x
create --network container:abc -p 80:80 x
create --network foo --network bar x
create --network foo --network foo x
create --network host --network bar x
create --network name=foo,alias=a,alias=b,ip=10.0.0.1,ip6=fd00::1,mac-address=02:00:00:00:00:01,driver-opt=a=b,gw-priority=5 x
create --network name=foo,driver-opt=gantry.rate=10mbit,driver-opt=x=y --network name=bar,link-local-ip=169.254.1.1 x
create --network name=foo,driver-opt=a x
create --network foo --ip 10.0.0.1 --ip6 fd00::1 --link-local-ip 169.254.3.3 --network-alias a --network-alias b x
create --network foo --mac-address 02:00:00:00:00:02 --link a:b --link c x
create --link a:b --link c x
create --link a:b:c x
create --network name=foo,alias=a --network-alias b x
create --network name=foo,ip=10.0.0.1 --ip 10.0.0.2 x
create --network name=foo,mac-address=02:00:00:00:00:01 --mac-address 02:00:00:00:00:02 x
create --network foo --network name=bar,ip=1.1.1.1 --mac-address 02:00:00:00:00:02 x
create --mac-address foo x
create --ip 10.0.0.1 x
create --network-alias a x
create --net foo --net-alias b x
create --network name= x
create --network alias=x x
create --network name=foo,gw-priority=a x
create --network name=foo,bogus=a x
create --dns 1.1.1.1 --dns-search a.b --dns-search . --dns-option ndots:2 --dns-opt x x
create --dns foo x
create --dns-search a_b.c x
create --add-host a:1.2.3.4 --add-host b=::1 --add-host c:[::1] --add-host d:host-gateway x
create --add-host a:foo x
create -v foo:/x:ro,nocopy -v /anon x
create -v ../rel:/z:ro x
create -v .hidden:/z x
create -v :/x x
create --volumes-from a --volumes-from b:ro --volume-driver local --storage-opt size=10G x
create --mount source=foo,target=/x,readonly x
create --mount target=/x,volume-nocopy,volume-driver=local,volume-opt=type=tmpfs,volume-opt=device=tmpfs,volume-label=a=b,volume-subpath=a/b x
create --mount type=bind,src=/a,dst=/b,bind-propagation=rprivate,bind-recursive=readonly,readonly x
create --mount type=bind,src=/a,dst=/b,bind-propagation=rslave,bind-recursive=readonly,readonly x
create --mount type=bind,src=/a,dst=/b,bind-recursive=writable x
create --mount type=bind,src=./a,dst=/b,bind-recursive=disabled,consistency=cached x
create --mount type=tmpfs,target=/x,tmpfs-size=64m,tmpfs-mode=1777 x
create --mount type=image,source=busybox,target=/x,image-subpath=a x
create --mount type=volume,source=foo,target=/x,tmpfs-size=1 x
create --mount type=volume x
create --mount foo=bar,target=/x x
create --tmpfs /a --tmpfs /b:size=1m,mode=755 x
create --name foo --hostname h --domainname d -u 1:2 -w /w -e A=b -l a=b --entrypoint /x --init --read-only --rm x
create --gpus all --device vendor.com/class=dev x
create --gpus "device=0,1",driver=nvidia,capabilities=compute x
create --gpus 2 x
create --use-api-socket -v /a:/b --mount source=c,target=/d x
create --cap-add net_admin --cap-add ALL --cap-drop CAP_CHOWN --cap-drop all x
create --device-cgroup-rule c:1:3:rwm x
create --label =c x
create --restart on-failure:-1 x
create --pull bogus x
create --cidfile /nope/x y
create --health-cmd true --health-interval 5s --health-retries 3 --health-start-interval 1s x
create --security-opt no-new-privileges --security-opt systempaths=unconfined --sysctl net.core.somaxconn=5 x
create --blkio-weight 500 --blkio-weight-device /dev/sda:500 --device-read-bps /dev/sda:1mb --device-write-iops /dev/sda:5 x
create -m 64m --cpus 1.5 --ulimit nofile=5:6 --device /dev/null --cap-drop all --restart on-failure:3 x
`;

const CREATED = { 'POST /containers/create': { status: 201, body: { Id: 'a'.repeat(64), Warnings: [] } } };
const renamed = (text: string): string => text.replaceAll('docker', 'gantry');

test('every option of create makes the request that docker makes, or is refused in its words', async (context) => {
  if (!hasClient('docker28')) return context.skip('no docker client here');
  await using recorder = await startRecorder(CREATED);
  for (const line of LINES.trim().split('\n')) {
    await context.test(line, async () => {
      const [docker, gantry] = [await recorder.docker(line.split(' ')), await recorder.gantry(line.split(' '))];
      assert.deepEqual(withoutNothings(gantry.requests), withoutNothings(docker.requests));
      assert.deepEqual(
        [gantry.code, gantry.stdout, gantry.stderr],
        [docker.code, renamed(docker.stdout), renamed(docker.stderr)],
      );
    });
  }
});
