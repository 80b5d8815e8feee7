import test from 'ava';

import { listModels, modelLines } from '../../cli/models.ts';
import { MODEL_NAMES } from '../../study/models/models.ts';

test('every model is listed with its size and with what distillers read of it', (t) => {
  const listed = listModels();
  t.deepEqual(
    listed.map(({ name }) => name),
    MODEL_NAMES,
  );
  t.like(
    listed.find(({ name }) => name === 'vgg8'),
    { isExplainer: false, embedding: 512 },
  );
  t.like(
    listed.find(({ name }) => name === 'hme_paper'),
    { isExplainer: true, maps: [], embedding: null },
  );
});

test('the table has a line a model, in columns', (t) => {
  const [head = '', ...lines] = modelLines(listModels());
  t.is(lines.length, MODEL_NAMES.length);
  const column = head.indexOf('multiply-adds');
  for (const line of lines) t.regex(line.slice(column), /^[\d.]+ /);
  const find = (name: string) => lines.find((line) => line.startsWith(`${name} `)) ?? '';
  t.regex(find('mobilenetv2'), /0\.68 +6\.4 +16×16×16, 16×16×12, .*2×2×160, 1280$/);
  t.regex(find('hme_ltb'), /2\.99 +185\.0 +a tree of experts$/);
});
