import { PRECISIONS, type Precision } from './catalog.ts';
import { EXPLAINER_NAMES, MODEL_NAMES } from './models/models.ts';
import { MODELS } from './models/registry.ts';
import { DATASET_NAMES, infoOf, knownInfo } from './datasets.ts';
import { DEFAULT_PRESET, type ModelSpec, type Study } from './schema.ts';
import { trainSchema, type Train } from './train-schema.ts';
import { cellsOf, concerns, trainOf } from './plan/exceptions.ts';
import { pairProblems, phaseProblems, stageProblems, type Method } from './method-rules.ts';
import { scheduleProblems } from './schedule-rules.ts';
import { logitsBytes, teachStreams } from './plan/streams.ts';

/** One thing that is wrong with a study: where, what is there, what is allowed. */
export type Problem = { readonly path: string; readonly message: string };

/** What a schema cannot say: fields that are each well formed but do not fit one another. */
export function ruleProblems(study: Study): readonly Problem[] {
  return [
    ...deviceProblems(study),
    ...(isPending(study) ? [] : datasetProblems(study)),
    ...networkProblems(study),
    ...(isPending(study) ? [] : cacheProblems(study)),
  ];
}

/** Whether the store has to be asked what the study's dataset is before all can be said of it. */
export function isPending({ dataset }: Study): boolean {
  return knownInfo(dataset) === undefined;
}

/** The problem of a study whose dataset is nowhere. @param place where was looked beside this build */
export function absentDataset(
  { dataset: { name } }: { readonly dataset: { readonly name: string } },
  place: string,
): Problem {
  const message = `found "${name}"; allowed: ${DATASET_NAMES.join(', ')}, or one that is in ${place} (kdx dataset add ${name} --from … puts it there)`;
  return { path: '$.dataset.name', message };
}

function deviceProblems({ device: { kind, precision } }: Study): Problem[] {
  const allowed: readonly Precision[] = PRECISIONS[kind];
  if (allowed.includes(precision)) return [];
  const message = `found "${precision}"; allowed: ${allowed.join(', ')} on ${kind}`;
  return [{ path: '$.device.precision', message }];
}

function datasetProblems(study: Study): Problem[] {
  const { name, preset, split } = study.dataset;
  const info = infoOf(study.dataset);
  const problems: Problem[] = [];
  const presets = Object.keys(info.presets);
  if (!presets.includes(preset)) {
    // Whoever wrote none is told where the one found comes from.
    const source = preset === DEFAULT_PRESET ? ' (the default)' : '';
    problems.push({
      path: '$.dataset.preset',
      message: `found "${preset}"${source}; allowed for ${name}: ${presets.join(', ')}`,
    });
  }
  const train = split.train ?? info.trainImages - split.validation;
  if (train < 1 || train + split.validation > info.trainImages) {
    problems.push({
      path: '$.dataset.split',
      message: `found train ${train} + validation ${split.validation}; allowed: at most ${info.trainImages} images in ${name}`,
    });
  }
  if ((split.test ?? 0) > info.testImages) {
    problems.push({
      path: '$.dataset.split.test',
      message: `found ${split.test}; allowed: at most ${info.testImages} in ${name}`,
    });
  }
  return problems;
}

const BYTES_PER_GIGABYTE = 1e9;

/** Logits that would take more room than the study allows are refused before any is computed. */
function cacheProblems(study: Study): Problem[] {
  const streams = teachStreams(study);
  const bytes = streams.reduce((sum, stream) => sum + logitsBytes(study, stream), 0);
  const allowed = study.limits.cacheGigabytes;
  const wanted = bytes / BYTES_PER_GIGABYTE;
  if (wanted <= allowed) return [];
  const message = `found "logits": ${streams.length} teach legs would store ${wanted.toPrecision(3)} GB; allowed: at most ${allowed} GB, which limits.cacheGigabytes raises`;
  return [{ path: '$.teacher.cache', message }];
}

function isExplainer(model: ModelSpec): boolean {
  return EXPLAINER_NAMES.some((name) => name === model.name);
}

function networkProblems(study: Study): Problem[] {
  return [
    ...duplicates(
      '$.teachers',
      study.teachers.map((teacher) => teacher.id),
    ),
    ...duplicates('$.sweep.methods', study.sweep?.methods.map((method) => method.id) ?? []),
    ...duplicates('$.sweep.students', study.sweep?.students.map((model) => model.name) ?? []),
    ...seedProblems(study),
    ...study.teachers.flatMap((teacher, i) =>
      'import' in teacher
        ? []
        : [
            ...plainModel(`$.teachers[${i}].model`, teacher.model),
            ...trainProblems(`$.teachers[${i}].train`, teacher.train, 'plain'),
          ],
    ),
    ...explainProblems(study),
    ...sweepProblems(study),
  ];
}

/** A trial is called after its initial seed: each has one data seed, its own or the one for all. */
function seedProblems({ seeds: { init, data } }: Study): Problem[] {
  const fits = data.length === init.length || data.length === 1;
  const message = `found ${data.length} seeds; allowed: ${init.length}, one for each of $.seeds.init, or one for all`;
  return [
    ...duplicates('$.seeds.init', init.map(String)),
    ...(fits ? [] : [{ path: '$.seeds.data', message }]),
  ];
}

function duplicates(path: string, names: readonly string[]): Problem[] {
  return names.flatMap((name, i) =>
    names.indexOf(name) < i
      ? [{ path: `${path}[${i}]`, message: `found "${name}" twice; allowed: each once` }]
      : [],
  );
}

function plainModel(path: string, model: ModelSpec): Problem[] {
  if (isExplainer(model)) {
    return [
      {
        path: `${path}.name`,
        message: `found "${model.name}"; allowed: a model that is no explainer`,
      },
    ];
  }
  return foreignOptions(path, model);
}

/** Options that a model does not take. */
function foreignOptions(path: string, model: ModelSpec): Problem[] {
  return (['width', 'experts'] as const).flatMap((field) => {
    if (model[field] === undefined || MODELS[model.name].options[field] !== undefined) return [];
    const takers = MODEL_NAMES.filter((name) => MODELS[name].options[field] !== undefined);
    const message = `${model.name} takes none; allowed: for ${takers.join(', ')}`;
    return [{ path: `${path}.${field}`, message }];
  });
}

/** What a training is for, and with it which schedules make sense. */
type Role = 'plain' | 'stage1' | 'stage2';

const SCHEDULES: Readonly<Record<Role, readonly Train['schedule'][]>> = {
  plain: ['step', 'cosine', 'constant'],
  stage1: ['explainer-soft', 'step', 'cosine', 'constant'],
  stage2: ['explainer-hard', 'step', 'cosine', 'constant'],
};

function trainProblems(path: string, train: Train, role: Role): Problem[] {
  const problems: Problem[] = [];
  const allowed = SCHEDULES[role];
  if (!allowed.includes(train.schedule)) {
    problems.push({
      path: `${path}.schedule`,
      message: `found "${train.schedule}"; allowed: ${allowed.join(', ')}`,
    });
  }
  if (train.schedule === 'explainer-soft' && train.optimizer.name !== 'adam') {
    problems.push({
      path: `${path}.optimizer.name`,
      message: `found "${train.optimizer.name}"; allowed: adam, which has a rate for the gates`,
    });
  }
  return [...problems, ...dotProblems(path, train), ...scheduleProblems(path, train)];
}

/** Both momenta of the distillation-oriented trainer are momenta; it has no look ahead. */
function dotProblems(path: string, { optimizer }: Train): Problem[] {
  if (optimizer.name !== 'sgd' || optimizer.dot === undefined) return [];
  const { dot, momentum, nesterov } = optimizer;
  const most = Math.min(momentum, 1 - momentum);
  return [
    ...(dot <= momentum && momentum + dot < 1
      ? []
      : [
          {
            path: `${path}.optimizer.dot`,
            message: `found ${dot} at momentum ${momentum}; allowed: below ${Number(most.toPrecision(6))}`,
          },
        ]),
    ...(nesterov
      ? [
          {
            path: `${path}.optimizer.nesterov`,
            message: 'found true beside "dot"; allowed: one of them',
          },
        ]
      : []),
  ];
}

function teacherProblems(study: Study, path: string, id: string | undefined): Problem[] {
  const ids = study.teachers.map((teacher) => teacher.id);
  if (ids.length === 0) {
    return [{ path, message: 'needs a teacher; allowed: a study with at least one in $.teachers' }];
  }
  if (id !== undefined && !ids.includes(id)) {
    return [{ path: `${path}.teacher`, message: `found "${id}"; allowed: ${ids.join(', ')}` }];
  }
  return [];
}

function explainProblems(study: Study): Problem[] {
  const explain = study.explain;
  if (explain === undefined) return [];
  const pairs = study.seeds.init.length;
  return [
    ...(isExplainer(explain.model)
      ? []
      : [
          {
            path: '$.explain.model.name',
            message: `found "${explain.model.name}"; allowed: ${EXPLAINER_NAMES.join(', ')}`,
          },
        ]),
    ...foreignOptions('$.explain.model', explain.model),
    ...(explain.objective !== 'joint-max2' || explain.model.name === 'hme_ltb'
      ? []
      : [
          {
            path: '$.explain.objective',
            message: `found "joint-max2" for ${explain.model.name}, whose heads give a difference; allowed: joint, binary`,
          },
        ]),
    ...(explain.seeds <= pairs
      ? []
      : [
          {
            path: '$.explain.seeds',
            message: `found ${explain.seeds}; allowed: at most ${pairs} seed pairs`,
          },
        ]),
    ...duplicates('$.explain.arms', explain.arms),
    ...trainProblems('$.explain.stage1', explain.stage1, 'stage1'),
    ...trainProblems('$.explain.stage2', explain.stage2, 'stage2'),
    ...(explain.arms.includes('distillation') || explain.teacher !== undefined
      ? teacherProblems(study, '$.explain', explain.teacher)
      : []),
    ...stageProblems(study),
  ];
}

function comparisonProblems({ report, sweep }: Study): Problem[] {
  const ids = sweep?.methods.map(({ id }) => id) ?? [];
  const { comparisons = [] } = report;
  const path = '$.report.comparisons';
  const unknown = comparisons.flatMap((comparison, i) =>
    (['method', 'against'] as const).flatMap((field) => {
      const id = comparison[field];
      const others = ids.filter((other) => field === 'method' || other !== comparison.method);
      if (others.includes(id)) return [];
      const message = `found "${id}"; allowed: ${others.join(', ') || 'none, without a sweep'}`;
      return [{ path: `${path}[${i}].${field}`, message }];
    }),
  );
  const pairs = comparisons.map(({ method, against }) => `${method} against ${against}`);
  return [...unknown, ...duplicates(path, pairs)];
}

function sweepProblems(study: Study): Problem[] {
  const sweep = study.sweep;
  if (sweep === undefined) return comparisonProblems(study);
  const baseline = study.report.baseline;
  const ids = sweep.methods.map((method) => method.id);
  return [
    ...sweep.students.flatMap((model, i) => plainModel(`$.sweep.students[${i}]`, model)),
    ...trainProblems('$.sweep.train', sweep.train, 'plain'),
    ...exceptionProblems(sweep),
    ...comparisonProblems(study),
    ...(baseline === undefined || ids.includes(baseline)
      ? []
      : [
          { path: '$.report.baseline', message: `found "${baseline}"; allowed: ${ids.join(', ')}` },
        ]),
    ...sweep.methods.flatMap((method, i) => methodProblems(study, `$.sweep.methods[${i}]`, method)),
  ];
}

/** Exceptions for what is there, that leave a training that can be. */
function exceptionProblems(sweep: NonNullable<Study['sweep']>): Problem[] {
  const { exceptions = [], students, methods } = sweep;
  const known = {
    students: students.map(({ name }): string => name),
    methods: methods.map(({ id }) => id),
  };
  return exceptions.flatMap((exception, i) => {
    const path = `$.sweep.exceptions[${i}]`;
    const strange = (['students', 'methods'] as const).flatMap((field) =>
      (exception[field] ?? []).flatMap((name, at) => {
        if (known[field].includes(name)) return [];
        const message = `found "${name}"; allowed: ${known[field].join(', ')}`;
        return [{ path: `${path}.${field}[${at}]`, message }];
      }),
    );
    if (strange.length > 0) return strange;
    const upTo = { ...sweep, exceptions: exceptions.slice(0, i + 1) };
    const trainings = cellsOf(sweep)
      .filter((cell) => concerns(exception, cell))
      .map((cell) => trainOf(upTo, cell));
    const problems = trainings.flatMap((train) => {
      const parsed = trainSchema.safeParse(train);
      const place = `${path}.train`;
      if (parsed.success) return trainProblems(place, parsed.data, 'plain');
      return parsed.error.issues.map(({ path: within, message }) => {
        return { path: [place, ...within].join('.'), message };
      });
    });
    return [...new Map(problems.map((problem) => [problem.path, problem])).values()];
  });
}

function methodProblems(study: Study, path: string, method: Method): Problem[] {
  const isTaught = method.reads !== 'nothing';
  const problems = [
    ...(isTaught || method.teacher !== undefined
      ? teacherProblems(study, path, method.teacher)
      : []),
    ...duplicates(
      `${path}.distillers`,
      method.distillers.map(({ name }) => name),
    ),
    ...phaseProblems(study, path, method),
  ];
  return problems.length === 0 ? pairProblems(study, path, method) : problems;
}
