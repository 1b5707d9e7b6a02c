import { inThrowawayHost } from '../../tests/support/host.ts';
import { testLayerStore } from './contract.ts';

inThrowawayHost();
testLayerStore('unpacked');
