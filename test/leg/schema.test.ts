import test from 'ava';
import { parseLeg } from '../../leg/schema.ts';
import { DEFAULT_RESOURCES, type LegSpec, type TeachSpec } from '../../leg/spec.ts';
import { digestJson } from '../../study/canonical.ts';
import { sampleSpec } from '../stores/samples.ts';

const teacher = { model: { name: 'resnet14' }, weights: digestJson('weights') } as const;
const { device, engine, dataset, code, train } = sampleSpec(1);
const teach: TeachSpec = {
  ...{ kind: 'teach', device, engine, dataset, code, teacher },
  ...{ augment: train.augment, epochs: 4, seeds: { data: 7 } },
};

function legOf(spec: unknown): unknown {
  const ids = { key: digestJson(spec), trial: 't', study: 's', run: '0'.repeat(8), launch: 0 };
  return { ...ids, spec, resources: DEFAULT_RESOURCES };
}

test('a teach leg is read as it was written', (t) => {
  t.deepEqual(parseLeg(legOf(teach)).spec, teach);
});

test('only the teacher of a training may have logits', (t) => {
  const cached = { ...teacher, logits: digestJson('index') };
  const student: LegSpec = { ...sampleSpec(1), teacher: cached };
  t.deepEqual(parseLeg(legOf(student)).spec, student);
  t.throws(() => parseLeg(legOf({ ...teach, teacher: cached })), {
    code: 'SpecInvalid',
    message: '$.spec.teacher.logits: unknown field',
  });
});

test('what makes no difference to logits is no field of a teach leg', (t) => {
  for (const extra of [{ train }, { distillers: [] }, { model: { name: 'resnet8' } }]) {
    t.throws(() => parseLeg(legOf({ ...teach, ...extra })), { code: 'SpecInvalid' });
  }
  t.throws(() => parseLeg(legOf({ ...teach, seeds: { data: 7, init: 1 } })), {
    code: 'SpecInvalid',
    message: '$.spec.seeds.init: unknown field',
  });
});

test('a dataset that no build knows comes with its sizes, and no other one does', (t) => {
  const sizes = { classes: 2, imageSize: 64 };
  const birds: LegSpec = { ...teach, dataset: { ...dataset, name: 'birds', sizes } };
  t.deepEqual(parseLeg(legOf(birds)).spec, birds);
  for (const odd of [
    { ...dataset, sizes },
    { ...dataset, name: 'birds' },
  ]) {
    t.throws(() => parseLeg(legOf({ ...teach, dataset: odd })), {
      code: 'SpecInvalid',
      message:
        /^\$\.spec\.dataset: .*allowed: sizes for a dataset that is not registered, and for no/,
    });
  }
});
