import { inThrowawayHost } from '../../tests/support/host.ts';
import { testLayerStore } from './testing/contract.ts';

inThrowawayHost();
testLayerStore('unpacked');
