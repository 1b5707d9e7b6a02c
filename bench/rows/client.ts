import { fileURLToPath } from 'node:url';
import { SMALL_IMAGE } from '../images.ts';
import { cli, type Row, timed } from '../row.ts';

const GANTRY = fileURLToPath(new URL('../../gantry', import.meta.url));

const client: Row = {
  id: 'client',
  title: '`gantry run` minus `docker run`, same daemon',
  unit: 'ms',
  goal: { kind: 'atMost', value: 40 },
  engines: ['gantry'],
  samples: 15,
  sample: async (engine) => {
    const args = ['run', '--rm', '--network', 'none', SMALL_IMAGE, 'true'];
    const own = { ...engine, cli: [GANTRY], env: { ...engine.env, GANTRY_HOST: engine.env.DOCKER_HOST ?? '' } };
    const dockerMs = await timed(() => cli(engine, args));
    const ownMs = await timed(() => cli(own, args));
    return ownMs - dockerMs;
  },
};

export const CLIENT_ROWS: readonly Row[] = [client];
