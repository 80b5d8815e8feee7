import test from 'ava';

import { protocolTable } from '../../../report/tables/protocol.ts';
import { resolveStudy } from '../../../study/resolve.ts';

const textOf = (prose: unknown): string => JSON.stringify(prose);

test('each way that students were trained has a column, with what its optimiser has on top', (t) => {
  const resolution = resolveStudy({
    name: 'ways',
    protocol: 'repdistiller',
    dataset: { name: 'cifar100' },
    seeds: { init: [1], data: [1] },
    teachers: [{ id: 'resnet56', model: { name: 'resnet56' } }],
    sweep: {
      students: [{ name: 'resnet20' }, { name: 'shufflenetv1' }],
      methods: [
        { id: 'KD', distillers: [{ name: 'ce' }, { name: 'kd' }] },
        { id: 'DOT', distillers: [{ name: 'ce' }, { name: 'kd' }] },
      ],
      exceptions: [{ methods: ['DOT'], train: { optimizer: { dot: 0.075 } } }],
    },
  });
  if (!resolution.ok) return t.fail();
  const { columns, rows } = protocolTable(resolution.study);
  t.deepEqual(
    columns.map(({ label }) => label),
    [
      ...['Setting', 'Teacher resnet56', 'Students'],
      ...['resnet20 by DOT', 'shufflenetv1 by KD', 'shufflenetv1 by DOT'].map(
        (which) => `Students: ${which}`,
      ),
    ],
  );
  const cells = (head: string) =>
    rows.find((row) => row.head[0] === head)?.cells.map((cell) => textOf(cell)) ?? [];
  t.deepEqual(
    cells('Optimiser').map((cell) => cell.includes('DOT')),
    [false, false, true, false, true],
  );
  t.deepEqual(
    cells('Learning rate').map((cell) => cell.includes('0.01')),
    [false, false, false, true, true],
  );
});
