import { z } from 'zod';
import { distillerOf, teacherUse } from '../distillers/lookup.ts';
import {
  ARM_NAMES,
  HEADS,
  OBJECTIVES,
  type DatasetInfo,
  type ExplainerObjective,
} from './catalog.ts';
import { MODEL_NAMES } from './models/models.ts';
import { DATASET_NAMES } from './datasets.ts';
import { distillerSchema, type DistillerSpec } from './distillers.ts';
import type { ImportedTeacher } from './imported-teacher.ts';
import { PROTOCOL_NAMES } from './protocols.ts';
import { PRIORITIES } from './priority.ts';
import { givenTrainSchema, stageSchema, trainSchema, type Train } from './train-schema.ts';

/**
 * A study, as a user writes it. One source for the types, the messages of refusal and the JSON Schema
 * `studies/study.schema.json`. Every object is strict: an unknown field is refused by its JSON path.
 * Defaults are the published protocol (science of RepDistiller and KDExplainer).
 */
const identifier = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/i, 'letters, digits, ".", "_" and "-", at most 63')
  .describe('A short name used in ids and paths.');
/** Also part of a name in the store. */
export const datasetNameSchema = z
  .string()
  .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'a-z, 0-9, ".", "_" and "-", at most 63');
const count = z.int().min(1);
const rate = z.number().positive();
const share = z.number().min(0).max(1);

/** Normalisation of a study that names none; not every dataset has it. */
export const DEFAULT_PRESET = 'correct';

export const vamSchema = z.strictObject({
  block: count.default(8).describe('Channels in one virtual block.'),
  entropyWeight: z.number().min(0).default(1e-3).describe('γ of the entropy regulariser.'),
});

export const modelSchema = z.strictObject({
  name: z.enum(MODEL_NAMES),
  width: count.max(1024).optional().describe('hme_ltb: channels of an expert (64 published).'),
  experts: z.array(count.max(64)).min(1).max(6).optional().describe('hme_ltb: experts per level.'),
});

/** A model as legs are told of it: the heads of an explainer follow from its objective. */
export const modelSpecSchema = modelSchema.extend({ heads: z.enum(HEADS).optional() });

/** A teacher that the study trains. */
export type TrainedTeacher = {
  readonly id: string;
  readonly model: z.output<typeof modelSchema>;
  readonly train: Train;
};

/** A teacher that was trained elsewhere; `imported` is known once the store has been asked. */
export type BroughtTeacher = {
  readonly id: string;
  readonly import: string;
  readonly imported?: ImportedTeacher;
};

const teacherSchema = z
  .strictObject({
    id: identifier,
    model: modelSchema.optional().describe('The network that the study trains as a teacher.'),
    train: trainSchema.optional(),
    import: identifier
      .optional()
      .describe('In place of model and train: the name of a teacher of `kdx teacher add`.'),
  })
  .transform(({ id, model, train, import: name }, { issues }): TrainedTeacher | BroughtTeacher => {
    if (name !== undefined && model === undefined && train === undefined)
      return { id, import: name };
    if (name === undefined && model !== undefined && train !== undefined)
      return { id, model, train };
    const missing = model === undefined ? 'model' : 'train';
    const place = name === undefined ? missing : 'import';
    const message = 'either model and train, or import alone';
    issues.push({ code: 'custom', path: [place], message, input: name });
    return z.NEVER;
  });

const methodSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9+._-]{0,31}$/, 'letters, digits, "+", ".", "_", "-"'),
    distillers: z.array(distillerSchema).min(1),
    vam: vamSchema.optional(),
    teacher: identifier.optional().describe('Which teacher; the first one when absent.'),
  })
  // The plan runs where no distiller is loaded: what it has to know of them travels with the study.
  .transform((method) => ({
    ...method,
    reads: teacherUse(method.distillers.map(({ name }) => name)),
    ...answersFor(method.distillers),
    ...viewsFor(method.distillers),
  }));

/** How often both networks see each image of a step, where that is not once. */
function viewsFor(distillers: readonly DistillerSpec[]): { readonly views?: number } {
  const strong = distillers.some(({ name }) => distillerOf(name).reads.strongView === true);
  return strong ? { views: 2 } : {};
}

/** The method that answers for its students, by name; at most one may. */
function answersFor(distillers: readonly DistillerSpec[]): { readonly answers?: string } {
  const answers = distillers.find(({ name }) => distillerOf(name).answers === true)?.name;
  return answers === undefined ? {} : { answers };
}

const exceptionSchema = z.strictObject({
  students: z
    .array(z.enum(MODEL_NAMES))
    .min(1)
    .optional()
    .describe('Which students; all when absent.'),
  methods: z.array(z.string()).min(1).optional().describe('Which methods, by id; all when absent.'),
  train: givenTrainSchema.describe('Settings in the place of those of train.'),
});

const explainSchema = z
  .strictObject({
    model: modelSchema.prefault({ name: 'hme_ltb' }),
    objective: z
      .enum(OBJECTIVES)
      .default('joint')
      .describe(
        'What the heads are trained for: one softmax over all, the same over the larger of two outputs, or each head for its own class.',
      ),
    arms: z
      .array(z.enum(ARM_NAMES))
      .min(1)
      .default([...ARM_NAMES]),
    seeds: count.default(1).describe('How many of the seed pairs each arm is trained with.'),
    teacher: identifier.optional(),
    temperature: rate.default(4),
    smoothing: share.default(0.1),
    stage1: stageSchema('explainer-soft').describe('Soft gates: the search for branches.'),
    stage2: stageSchema('explainer-hard').describe('Hard gates: the tree, trained anew.'),
  })
  .transform((explain) => ({ ...explain, model: withHeads(explain.model, explain.objective) }));

/** The heads that an objective asks for. Those of hme_paper are of the third kind whatever it is. */
function withHeads(model: ModelSpec, objective: ExplainerObjective): ModelSpec {
  if (objective === 'joint' || model.name !== 'hme_ltb') return model;
  return { ...model, heads: objective === 'binary' ? 'difference' : 'larger' };
}

export const studySchema = z.strictObject({
  $schema: z.string().optional(),
  name: identifier,
  description: z.string().optional(),
  protocol: z
    .enum(PROTOCOL_NAMES)
    .optional()
    .describe(
      'A published way of training, which fills in what the study leaves out of its trainings.',
    ),
  device: z
    .strictObject({
      kind: z.enum(['cpu', 'cuda']).default('cpu'),
      threads: count
        .max(256)
        .default(1)
        .describe('TensorFlow threads of one leg; part of the key.'),
      precision: z
        .enum(['float32', 'tf32', 'bf16'])
        .default('float32')
        .describe('What convolutions and products are computed in; tf32 is for cuda only.'),
    })
    .prefault({}),
  executor: z
    .enum(['auto', 'local', 'kubernetes', 'pool'])
    .default('auto')
    .describe(
      'Where legs run: beside a worker, as Jobs, or in a pool of pods; auto: what there is.',
    ),
  engine: z
    .enum(['eager', 'recorded'])
    .default('recorded')
    .describe(
      'How steps run: recorded once as one graph, or operation by operation, for debugging.',
    ),
  dataset: z.strictObject({
    name: datasetNameSchema.describe(
      `One of ${DATASET_NAMES.join(', ')}, or one that kdx dataset add has put into the store.`,
    ),
    preset: z
      .string()
      .default(DEFAULT_PRESET)
      .describe('Normalisation: correct, or paper (the constants of the KDExplainer code).'),
    split: z
      .strictObject({
        train: count
          .optional()
          .describe('Images to train on; all that validation leaves when absent.'),
        validation: z
          .int()
          .min(0)
          .default(0)
          .describe('Images held out of the train set, stratified.'),
        test: count.optional().describe('Images of the test set; all when absent.'),
      })
      .prefault({}),
  }),
  seeds: z.strictObject({
    init: z.array(z.int().min(0)).min(1),
    data: z.array(z.int().min(0)).min(1),
  }),
  teachers: z.array(teacherSchema).prefault([]),
  explain: explainSchema.optional(),
  sweep: z
    .strictObject({
      students: z.array(modelSchema).min(1),
      methods: z.array(methodSchema).min(1),
      train: trainSchema,
      exceptions: z
        .array(exceptionSchema)
        .optional()
        .describe('Trainings that are not as train says; a later one goes over an earlier one.'),
    })
    .optional(),
  teacher: z
    .strictObject({
      cache: z
        .enum(['none', 'logits'])
        .default('none')
        .describe(
          'logits: computed once for all students of the same data stream; none: the teacher runs in every training.',
        ),
    })
    .prefault({}),
  report: z
    .strictObject({
      tables: z
        .array(z.enum(['sweep', 'teachers', 'explanation']))
        .default(['sweep', 'teachers', 'explanation']),
      baseline: z
        .string()
        .optional()
        .describe('Method that paired differences are taken against; the first when absent.'),
      comparisons: z
        .array(z.strictObject({ method: z.string(), against: z.string() }))
        .optional()
        .describe(
          'Pairs of methods to compare; when absent, each with the baseline, and one with VAM with the same one without.',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      parallel: count.max(500).default(2).describe('Trials under way at once.'),
      gpuHours: rate
        .optional()
        .describe(
          'Most device time, in hours, that the legs of one run may use, a leg holding one GPU or, on cpu, the CPU; no limit when absent.',
        ),
      priority: z
        .enum(PRIORITIES)
        .optional()
        .describe(
          'Before or after the legs of other studies that wait for a slot; normal when absent.',
        ),
      cacheGigabytes: rate
        .default(16)
        .describe('Most that the cached logits of the study may take in the store, in 10⁹ bytes.'),
    })
    .prefault({}),
});

/** A study as written: defaults may be absent. */
export type StudyInput = z.input<typeof studySchema>;
type Parsed = z.output<typeof studySchema>;
/**
 * A study with every default filled in, and with what its dataset is where that is not registered:
 * nobody writes it, the store says it when the study is resolved.
 */
export type Study = Omit<Parsed, 'dataset'> & {
  readonly dataset: Parsed['dataset'] & { readonly info?: DatasetInfo };
};
export type ModelSpec = z.output<typeof modelSpecSchema>;
export type VamSpec = z.output<typeof vamSchema>;
export type DeviceSpec = Study['device'];
