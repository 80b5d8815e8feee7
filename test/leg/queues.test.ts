import test from 'ava';
import { legDevices } from '../../environment/worker.ts';
import { legQueue } from '../../leg/queues.ts';
import { PRECISIONS } from '../../study/catalog.ts';

test('legs of each kind of device have a queue of their own', (t) => {
  const kinds = Object.keys(PRECISIONS) as (keyof typeof PRECISIONS)[];
  t.deepEqual(kinds.map(legQueue), ['kdx-legs-cpu', 'kdx-legs-cuda']);
});

test('a worker takes legs on CUDA only where it has a GPU that is not hidden', (t) => {
  t.deepEqual(legDevices({}, true), ['cpu', 'cuda']);
  t.deepEqual(legDevices({ CUDA_VISIBLE_DEVICES: '2' }, true), ['cpu', 'cuda']);
  t.deepEqual(legDevices({ CUDA_VISIBLE_DEVICES: '' }, true), ['cpu']);
  t.deepEqual(legDevices({ CUDA_VISIBLE_DEVICES: '-1' }, true), ['cpu']);
  t.deepEqual(legDevices({}, false), ['cpu']);
});
