/** Every method of the registry is one that the published code or a definition has been compared with. */
import test from 'ava';

import { DISTILLERS } from '../../distillers/registry.ts';

test('the methods, in the order of their families', (t) => {
  t.deepEqual(
    DISTILLERS.map(({ name }) => name),
    [
      ...['ce', 'ls', 'kd', 'fitnet', 'at', 'sp', 'crd'],
      ...['dkd', 'lskd', 'dist', 'ttm', 'wttm', 'nkd', 'rld'],
      ...['pkt', 'rkd', 'cc', 'nst', 'vid', 'kdsvd'],
      ...['fsp', 'ab', 'ft'],
      ...['srrl', 'ofd', 'reviewkd', 'kdpp', 'ctkd', 'sdd', 'simkd', 'mlkd'],
      ...['binary_ce', 'binary_kd'],
    ],
  );
});

test('every method says what it is: its paper by number, and every option with a default', (t) => {
  for (const { name, paper, weight, options } of DISTILLERS) {
    if (name !== 'ce') t.regex(paper, /^(?:arXiv:\d{4}\.\d{4,5}|doi:10\.\S+|https:\/\/\S+)$/, name);
    t.true(weight > 0, name);
    t.notThrows(() => options.parse({}), name);
    t.throws(() => options.parse({ surplus: 1 }), undefined, name);
  }
});
