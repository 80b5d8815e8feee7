import { readFileSync } from 'node:fs';
import test from 'ava';
import { digestJson } from '../../study/canonical.ts';
import { DISTILLER_NAMES, MODEL_NAMES } from '../../study/catalog.ts';
import type { CodeIndex } from '../../study/code.ts';
import { bindTrial, expandStudy, restrictTo, type TrialNode } from '../../study/plan.ts';
import { resolveStudy } from '../../study/resolve.ts';
import type { Study } from '../../study/schema.ts';

const digitsText = readFileSync(new URL('../../studies/digits.json', import.meta.url), 'utf8');

function digits(): Study {
  const resolution = resolveStudy(JSON.parse(digitsText));
  if (!resolution.ok) throw new Error('digits.json does not resolve');
  return resolution.study;
}

function table<Name extends string>(names: readonly Name[]): Record<Name, string> {
  return Object.fromEntries(names.map((name) => [name, digestJson(name)])) as Record<Name, string>;
}

const code: CodeIndex = {
  core: 'core',
  data: 'data',
  evaluate: 'evaluate',
  explain: 'explain',
  vam: 'vam',
  models: table(MODEL_NAMES),
  distillers: table(DISTILLER_NAMES),
};
const context = { datasetDigest: 'd', code };

/** Keys of the whole plan, each trial's weights being named by its own key. */
function keys(study: Study, index: CodeIndex = code): Map<string, string> {
  const found = new Map<string, string>();
  for (const node of expandStudy(study, { datasetDigest: 'd', code: index })) {
    found.set(node.id, bindTrial(node, found).key);
  }
  return found;
}

function changed(before: Map<string, string>, after: Map<string, string>): string[] {
  return [...after].filter(([id, key]) => before.get(id) !== key).map(([id]) => id);
}

test('the digits study has a teacher, three arms of three trials and nine students', (t) => {
  const nodes = expandStudy(digits(), context);
  const count = (section: TrialNode['section']) =>
    nodes.filter((n) => n.section === section).length;
  t.deepEqual([count('teacher'), count('explain'), count('sweep')], [2, 9, 18]);
  t.is(new Set(nodes.map((node) => node.id)).size, nodes.length);
});

test('every trial comes after what it needs', (t) => {
  const seen = new Set<string>();
  for (const node of expandStudy(digits(), context)) {
    t.true(
      node.needs.every((id) => seen.has(id)),
      node.id,
    );
    seen.add(node.id);
  }
});

test('a student of plain cross-entropy waits for nothing, one of KD for its teacher', (t) => {
  const nodes = new Map(expandStudy(digits(), context).map((node) => [node.id, node]));
  t.deepEqual(nodes.get('sweep/resnet8/CE/s1029')?.needs, []);
  t.deepEqual(nodes.get('sweep/resnet8/KD/s1029')?.needs, ['teacher/resnet14']);
});

test('a trial cannot be bound before what it needs is done', (t) => {
  const node = expandStudy(digits(), context).find(({ id }) => id === 'sweep/resnet8/KD/s1029');
  t.truthy(node);
  if (node !== undefined)
    t.throws(() => bindTrial(node, new Map()), { message: /teacher\/resnet14/ });
});

test('names, parallelism, executor and report are in no key', (t) => {
  const study = digits();
  const other: Study = {
    ...study,
    name: 'other',
    description: 'x',
    executor: 'kubernetes',
    limits: { parallel: 64 },
    report: { tables: ['sweep'] },
  };
  t.deepEqual(keys(other), keys(study));
});

test('another distiller or model in the code retrains only what uses it', (t) => {
  const study = digits();
  const before = keys(study);
  const sp = { ...code, distillers: { ...code.distillers, sp: 'new' } };
  t.deepEqual(changed(before, keys(study, sp)), []);
  const ls = { ...code, distillers: { ...code.distillers, ls: 'new' } };
  const moved = changed(before, keys(study, ls));
  t.true(moved.length > 0 && moved.every((id) => id.startsWith('explain/label-smoothing/')));
  const vam = changed(before, keys(study, { ...code, vam: 'new' }));
  t.true(vam.length === 6 && vam.every((id) => id.startsWith('sweep/resnet8/KD+VAM/')));
});

test('another method changes the keys of its own trials alone', (t) => {
  const study = digits();
  const methods = study.sweep?.methods.map((m) =>
    m.id === 'KD' ? { ...m, distillers: [{ name: 'kd' as const, weight: 1 }] } : m,
  );
  t.truthy(study.sweep);
  if (study.sweep === undefined || methods === undefined) return;
  const moved = changed(keys(study), keys({ ...study, sweep: { ...study.sweep, methods } }));
  t.true(moved.length === 6 && moved.every((id) => id.startsWith('sweep/resnet8/KD/')));
});

test('other teacher weights move every taught trial, and no other', (t) => {
  const nodes = expandStudy(digits(), context);
  const bind = (teacher: string) =>
    new Map(
      nodes.map((node) => [
        node.id,
        bindTrial(
          node,
          new Map(nodes.map(({ id }) => [id, id === 'teacher/resnet14' ? teacher : id])),
        ).key,
      ]),
    );
  const moved = changed(bind('a'), bind('b'));
  t.false(moved.includes('sweep/resnet8/CE/s1029'));
  t.false(moved.includes('explain/hard-label/s1029/soft'));
  t.true(moved.includes('sweep/resnet8/KD/s1029'));
  t.true(moved.includes('explain/distillation/s1029/soft'));
});

test('a section is run with all that it needs', (t) => {
  const ids = restrictTo(expandStudy(digits(), context), ['explain']).map((node) => node.id);
  t.true(ids.includes('teacher/resnet14'));
  t.false(ids.some((id) => id.startsWith('sweep/') || id.endsWith('resnet14/evaluation')));
});

test('another precision is another key of every trial', (t) => {
  const study = digits();
  const device = { ...study.device, precision: 'bf16' } as const;
  const before = keys(study);
  t.deepEqual(changed(before, keys({ ...study, device })), [...before.keys()]);
});
