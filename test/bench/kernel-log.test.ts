import test from 'ava';

import { sharesOf } from '../../bench/kernel-log.ts';

const line = (kind: string, direction: string, milliseconds: number): string =>
  `onednn_verbose,v1,primitive,exec,cpu,${kind},jit:avx512_core,${direction},src:f32::blocked:acdb::f0 dst:f32,attr-scratchpad:user,alg:convolution_direct,mb64_ic3oc16,${milliseconds}`;

test('the time of a step goes to its parts, and what nobody logged is the rest', (t) => {
  const log = [
    line('convolution', 'forward_training', 20),
    line('convolution', 'backward_data', 10),
    line('convolution', 'backward_weights', 30),
    line('batch_normalization', 'forward_training', 5),
    line('batch_normalization', 'backward', 5),
    line('gemm_api', 'undef', 2),
    'kdx_verbose,v1,primitive,exec,cpu,convolution,winograd,backward_data,7',
    line('inner_product', 'forward_training', 2),
  ];
  const shares = sharesOf(log, 100);
  const expected = {
    'forward convolution': 0.2,
    'input gradient': 0.17,
    'kernel gradient': 0.3,
    'batch norm': 0.1,
    pooling: 0,
    'matrix product': 0.04,
    reorder: 0,
    rest: 0.19,
  };
  for (const [part, share] of Object.entries(expected)) {
    t.true(Math.abs(shares[part as keyof typeof shares] - share) < 1e-12, part);
  }
});

test('a line that ran nothing, and a primitive of no part of its own, are of the rest', (t) => {
  const log = [
    'onednn_verbose,v1,info,cpu,isa:Intel AVX-512',
    'onednn_verbose,v1,primitive,create:cache_miss,cpu,convolution,jit,forward_training,,,,,5',
    line('eltwise', 'backward_data', 10),
  ];
  t.is(sharesOf(log, 100).rest, 1);
});

test('a log with timestamps reads the same', (t) => {
  const stamped = line('pooling', 'backward_data', 50).replace('v1,', 'v1,1795516404.987,');
  t.is(sharesOf([stamped], 100).pooling, 0.5);
});
