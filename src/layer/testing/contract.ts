import { after, before } from 'node:test';
import type { LayerStore } from '../layer.ts';
import { testContents } from './contract-contents.ts';
import { testHostileTars } from './contract-hostile.ts';
import { testRoots } from './contract-roots.ts';
import { testStacks } from './contract-stacks.ts';
import { testStreams } from './contract-streams.ts';
import { LayerBench } from './layer-bench.ts';

/** What every implementation of the layer port does. To be run in a throwaway host. */
export function testLayerStore(kind: LayerStore['kind']): void {
  const bench = new LayerBench(kind);
  before(() => bench.open());
  after(() => bench.close());
  testContents(bench);
  testStacks(bench);
  testRoots(bench);
  testHostileTars(bench);
  testStreams(bench);
}
