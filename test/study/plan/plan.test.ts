import { readFileSync } from 'node:fs';
import test from 'ava';
import { digestJson } from '../../../study/canonical.ts';
import { codeOf, codeUseOf, type CodeIndex } from '../../../study/code.ts';
import { evaluationOf, networkOf } from '../../../study/evaluation.ts';
import {
  bindEvaluation,
  bindTrial,
  expandStudy,
  restrictTo,
  type TrialNode,
} from '../../../study/plan/plan.ts';
import { resolveStudy } from '../../../study/resolve.ts';
import type { Study } from '../../../study/schema.ts';
import type { TrainSpec } from '../../../study/spec.ts';
import { code, context } from '../context.ts';

const digitsText = readFileSync(new URL('../../../studies/digits.json', import.meta.url), 'utf8');

function digits(): Study {
  const resolution = resolveStudy(JSON.parse(digitsText));
  if (!resolution.ok) throw new Error('digits.json does not resolve');
  return resolution.study;
}

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

test('the digits study has a teacher, three arms of three seeds and three trials, and nine students', (t) => {
  const nodes = expandStudy(digits(), context);
  const count = (section: TrialNode['section']) =>
    nodes.filter((n) => n.section === section).length;
  t.deepEqual([count('teacher'), count('explain'), count('sweep')], [2, 27, 18]);
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
    limits: { ...study.limits, parallel: 64 },
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

test('an objective settles the heads of the explainer and the losses of its arms', (t) => {
  const at = (objective: string): Map<string, TrainSpec> => {
    const input = JSON.parse(digitsText) as { explain: object };
    const resolution = resolveStudy({ ...input, explain: { ...input.explain, objective } });
    if (!resolution.ok) throw new Error(objective);
    const found = new Map<string, string>();
    const specs = expandStudy(resolution.study, context).flatMap((node) => {
      const { key, spec } = bindTrial(node, found);
      found.set(node.id, key);
      return spec.kind === 'train' && node.section === 'explain' ? [[node.id, spec] as const] : [];
    });
    return new Map(specs);
  };
  const heads = (objective: string): unknown =>
    [...new Set([...at(objective).values()].map(({ model }) => model.heads))].join();
  t.deepEqual(['joint', 'joint-max2', 'binary'].map(heads), ['', 'larger', 'difference']);
  const terms = (objective: string, arm: string) =>
    at(objective).get(`explain/${arm}/s1029/soft`)?.distillers;
  t.deepEqual(terms('joint-max2', 'hard-label'), [{ name: 'ce', weight: 1 }]);
  t.deepEqual(terms('binary', 'hard-label'), [{ name: 'binary_ce', weight: 1, smoothing: 0 }]);
  t.deepEqual(terms('binary', 'label-smoothing'), [
    { name: 'binary_ce', weight: 1, smoothing: 0.1 },
  ]);
  t.deepEqual(terms('binary', 'distillation'), [
    { name: 'binary_ce', weight: 0.1, smoothing: 0 },
    { name: 'binary_kd', weight: 0.9, temperature: 4 },
  ]);
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

/** The digits study with cached logits, changed where a test asks for it. */
/** With a tree of fewer epochs than its soft stage, which therefore share no logits. */
function cachedDigits(changes: Partial<Study> = {}): Study {
  const { explain, ...study } = digits();
  if (explain === undefined) throw new Error('the digits study explains');
  const stage2 = { ...explain.stage2, epochs: 4 };
  const teacher = { cache: 'logits' as const };
  return { ...study, explain: { ...explain, stage2 }, teacher, ...changes };
}

function teachIds(study: Study): string[] {
  return expandStudy(study, context).flatMap(({ id, kind }) => (kind === 'teach' ? [id] : []));
}

test('a study that does not ask for cached logits has no teach leg', (t) => {
  t.deepEqual(teachIds(digits()), []);
});

test('students of one data stream share one teach leg, whatever their method, model and initial seed', (t) => {
  const study = cachedDigits();
  t.deepEqual(
    teachIds(study),
    [1029, 1030, 1031].map((seed) => `teacher/resnet14/teach/pad2-e4/d${seed}`),
  );
  const oneStream = cachedDigits({ seeds: { init: [1, 2, 3, 4, 5, 6], data: [7] } });
  t.deepEqual(teachIds(oneStream), ['teacher/resnet14/teach/pad2-e4/d7']);
  const nodes = expandStudy(oneStream, context);
  const readers = nodes.filter(({ needs }) => needs.includes('teacher/resnet14/teach/pad2-e4/d7'));
  t.is(readers.length, 12);
  t.true(readers.every(({ id }) => /^sweep\/resnet8\/KD(\+VAM)?\/s\d$/.test(id)));
});

test('cached logits change the keys of the students that read them, and no other', (t) => {
  const before = keys(cachedDigits({ teacher: digits().teacher }));
  const after = keys(cachedDigits());
  const moved = changed(before, after).filter((id) => before.has(id));
  t.is(moved.length, 12);
  t.true(moved.every((id) => /^sweep\/resnet8\/KD(\+VAM)?\/s\d+(\/evaluation)?$/.test(id)));
});

test('the key of a teach leg depends on teacher, images, augmentation, length and data seed alone', (t) => {
  const study = cachedDigits();
  const sweep = study.sweep;
  t.truthy(sweep);
  if (sweep === undefined) return;
  const id = 'teacher/resnet14/teach/pad2-e4/d1029';
  const key = keys(study).get(id);
  const same: Study[] = [
    { ...study, seeds: { ...study.seeds, init: [5, 6, 7] } },
    { ...study, sweep: { ...sweep, students: [{ name: 'resnet20' }] } },
    { ...study, sweep: { ...sweep, train: { ...sweep.train, batch: 32 } } },
    { ...study, sweep: { ...sweep, methods: sweep.methods.slice(1, 2) } },
  ];
  // The teacher's own initial seed is the study's first: its weights stand for it here.
  const bound = (other: Study, index = code): string | undefined => {
    const nodes = expandStudy(other, { datasetDigest: 'd', code: index });
    const node = nodes.find((found) => found.id === id);
    return node && bindTrial(node, new Map([['teacher/resnet14', 'weights']])).key;
  };
  for (const other of same) t.is(bound(other), bound(study));
  t.truthy(key);
  const other: Study[] = [
    { ...study, dataset: { ...study.dataset, split: { ...study.dataset.split, train: 2000 } } },
    { ...study, engine: 'eager' },
  ];
  for (const changedStudy of other) t.not(bound(changedStudy), bound(study));
  t.not(bound(study, { ...code, kinds: { ...code.kinds, teach: 'new' } }), bound(study));
  t.deepEqual(
    teachIds({ ...study, sweep: { ...sweep, train: { ...sweep.train, epochs: 5 } } })[0],
    'teacher/resnet14/teach/pad2-e5/d1029',
  );
});

test('a student that reads logits is not retrained by a change of its teacher’s source', (t) => {
  const study = cachedDigits();
  const index = { ...code, models: { ...code.models, resnet14: 'new' } };
  const weights = new Map(expandStudy(study, context).map(({ id }) => [id, id]));
  const keyOf = (used: CodeIndex): string | undefined => {
    const nodes = expandStudy(study, { datasetDigest: 'd', code: used });
    const node = nodes.find(({ id }) => id === 'sweep/resnet8/KD/s1029');
    return node && bindTrial(node, weights).key;
  };
  t.truthy(keyOf(code));
  t.is(keyOf(index), keyOf(code));
});

test('methods that need features run the teacher, and so does an arm whose stages differ', (t) => {
  const study = cachedDigits();
  const { sweep, explain } = study;
  t.truthy(sweep && explain);
  if (sweep === undefined || explain === undefined) return;
  const methods = [
    {
      id: 'AT',
      reads: 'features' as const,
      distillers: [
        { name: 'kd' as const, weight: 1 },
        { name: 'at' as const, weight: 1 },
      ],
    },
  ];
  t.deepEqual(teachIds({ ...study, sweep: { ...sweep, methods } }), []);
  const needs = (of: Study, id: string) =>
    expandStudy(of, context).find((node) => node.id === id)?.needs;
  t.deepEqual(needs(study, 'explain/distillation/s1029/soft'), ['teacher/resnet14']);
  const stage2 = { ...explain.stage2, epochs: explain.stage1.epochs };
  const published = { ...study, explain: { ...explain, stage2 } };
  const teach = 'teacher/resnet14/teach/pad2-e6/d1029';
  t.is(teachIds(published)[0], teach);
  t.true(needs(published, 'explain/distillation/s1029/soft')?.includes(teach));
  t.true(needs(published, 'explain/distillation/s1029/hard')?.includes(teach));
  t.false(needs(published, 'explain/hard-label/s1029/soft')?.includes(teach));
});

test('the size of cached logits is known before any is computed', (t) => {
  const node = expandStudy(cachedDigits(), context).find(({ kind }) => kind === 'teach');
  t.is(node?.bytes, 4 * 1280 * 10 * 2);
});

/** The digits study with a method that answers for its students. */
function answered(study: Study): Study {
  const simkd = { name: 'simkd', weight: 1, factor: 2 };
  const method = { id: 'SimKD', reads: 'features' as const, answers: 'simkd', distillers: [simkd] };
  const { sweep } = study;
  if (sweep === undefined) throw new Error('The study has no sweep.');
  return { ...study, sweep: { ...sweep, methods: [...sweep.methods, method] } };
}

test('a student that answers through its method says so, to its training and to its evaluation', (t) => {
  const nodes = expandStudy(answered(digits()), context);
  const specOf = (id: string) => nodes.find((node) => node.id === id)?.bind((of) => of);
  const answering = { distiller: { name: 'simkd', weight: 1, factor: 2 }, teacher: 'resnet14' };
  t.like(specOf('sweep/resnet8/SimKD/s1029'), { answering });
  t.like(specOf('sweep/resnet8/SimKD/s1029/evaluation'), { network: { answering } });
  t.false('answering' in (specOf('sweep/resnet8/KD/s1029') ?? {}));
});

test('a student that sees each image twice costs twice as much to train', (t) => {
  const study = digits();
  const { sweep } = study;
  if (sweep === undefined) return t.fail();
  const [, kd] = sweep.methods;
  if (kd === undefined) return t.fail();
  const twice = { ...kd, id: 'twice', views: 2 };
  const { dataset } = study;
  const split = { ...dataset.split, test: 1 };
  const methods = [kd, { ...twice, reads: kd.reads }];
  const nodes = expandStudy(
    {
      ...study,
      dataset: { ...dataset, split: { ...split, validation: 0 } },
      sweep: { ...sweep, methods },
    },
    context,
  );
  const costOf = (id: string): number => nodes.find((node) => node.id === id)?.cost ?? NaN;
  const ratio = costOf('sweep/resnet8/twice/s1029') / costOf('sweep/resnet8/KD/s1029');
  t.true(Math.abs(ratio - 2) < 0.01, String(ratio));
});

test('the code of a spec is that of the plan, whatever its kind', (t) => {
  const study = answered(cachedDigits());
  const weights = new Map(expandStudy(study, context).map(({ id }) => [id, id]));
  for (const node of expandStudy(study, context)) {
    const { spec } = bindTrial(node, weights);
    t.is(spec.code, codeOf(code, codeUseOf(spec)), node.id);
  }
});

test('a teacher draws from streams of its own, all other trainings from those of their seeds', (t) => {
  const specs = expandStudy(digits(), context).map((node) => [node.id, node.bind((id) => id)]);
  const streams = specs.map(([id, spec]) => [id, (spec as { streams?: string }).streams]);
  const named = streams.filter(([, space]) => space !== undefined);
  t.deepEqual(named, [['teacher/resnet14', 'teacher/resnet14']]);
});

test('the plan and the leg of a training give its evaluation the same key', (t) => {
  const nodes = expandStudy(answered(digits()), context);
  const weights = new Map(nodes.map(({ id }) => [id, digestJson(id)]));
  const trainings = nodes.filter(({ evaluation }) => evaluation !== undefined);
  t.is(trainings.length, nodes.filter(({ kind }) => kind === 'evaluate').length);
  for (const node of trainings) {
    const evaluation = bindEvaluation(node, weights);
    const planned = nodes.find(({ id }) => id === evaluation?.trial);
    if (evaluation === undefined || planned === undefined) return t.fail(node.id);
    const { spec } = bindTrial(node, weights);
    const network = networkOf(spec as TrainSpec, weights.get(node.id) ?? '');
    const key = digestJson(evaluationOf(evaluation.spec, network));
    t.is(key, bindTrial(planned, weights).key, node.id);
  }
});

test('an evaluation is to come only once the teacher is there that it compares with', (t) => {
  const nodes = new Map(expandStudy(digits(), context).map((node) => [node.id, node]));
  const toCome = (id: string, done: readonly string[]) =>
    bindEvaluation(nodes.get(id) as TrialNode, new Map(done.map((of) => [of, digestJson(of)])));
  t.is(toCome('sweep/resnet8/CE/s1029', []), undefined);
  const { trial, spec } = toCome('sweep/resnet8/CE/s1029', ['teacher/resnet14']) ?? {};
  t.is(trial, 'sweep/resnet8/CE/s1029/evaluation');
  t.is(spec?.teacher?.weights, digestJson('teacher/resnet14'));
  t.is(toCome('teacher/resnet14', [])?.trial, 'teacher/resnet14/evaluation');
  t.is(toCome('explain/hard-label/s1029/soft', ['teacher/resnet14']), undefined);
});
