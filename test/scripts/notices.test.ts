import test from 'ava';

import { withoutNotices } from '../../scripts/setup/notices.mjs';

test('TensorFlow’s notices are dropped, wherever the pieces are cut; all else is passed on', (t) => {
  const text = [
    'WARNING: All log messages before absl::InitializeLog() is called are written to STDERR',
    'I0000 00:00:1796071334.930133   31382 port.cc:153] oneDNN custom operations are on. You may see',
    'kdx: DataMismatch: 1 damaged or missing',
    'E0000 00:00:1796071334.930133   31382 gpu.cc:1] out of memory',
    '',
  ].join('\n');
  for (const size of [1, 7, text.length]) {
    let passed = '';
    const write = withoutNotices((part) => (passed += part));
    for (let at = 0; at < text.length; at += size) write(text.slice(at, at + size));
    t.is(passed, text.split('\n').slice(2).join('\n'));
  }
});
