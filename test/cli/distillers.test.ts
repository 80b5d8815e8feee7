import test from 'ava';
import { distillerLines, DOT_LINE, listDistillers } from '../../cli/distillers.ts';
import { DISTILLERS } from '../../distillers/registry.ts';
import { trainSchema } from '../../study/train-schema.ts';

test('every method is listed with what a study takes where it sets nothing', (t) => {
  const listed = listDistillers();
  t.deepEqual(
    listed.map(({ name }) => name),
    DISTILLERS.map(({ name }) => name),
  );
  t.deepEqual(
    listed.find(({ name }) => name === 'sdd'),
    {
      ...{ name: 'sdd', reads: 'features', weight: 1, paper: 'arXiv:2403.13512' },
      options: {
        ...{ base: 'dkd', scales: [1, 2, 4], temperature: 4 },
        ...{ alpha: 1, beta: 8, warmUpEpochs: 20 },
      },
    },
  );
});

test('the table has a line a method, in columns', (t) => {
  const [head = '', ...lines] = distillerLines(listDistillers());
  t.is(lines.length, DISTILLERS.length);
  const column = head.indexOf('weight');
  for (const line of lines) t.regex(line.slice(column), /^[\d.]+ /);
  t.regex(
    lines.find((line) => line.startsWith('kd ')) ?? '',
    /logits .*0\.9 .*temperature 4 .*arXiv/,
  );
});

test('what the list says of DOT is what a study may say', (t) => {
  const written = /"optimizer": (\{.*?\})/.exec(DOT_LINE)?.[1] ?? '';
  const { optimizer } = trainSchema.parse({ epochs: 1, optimizer: JSON.parse(written) as object });
  t.like(optimizer, { name: 'sgd', dot: 0.075, momentum: 0.9 });
});
