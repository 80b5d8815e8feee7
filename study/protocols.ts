/**
 * Published ways of training, by the names that a study's `protocol` may have. They are filled in
 * before a study is read: what is run, and so every key, has the settings and no name.
 */
import { isGroup, replaced, type Settings } from './settings.ts';

type Protocol = {
  /** Where it was published. */
  readonly source: string;
  /** How teachers and students are trained. */
  readonly network: Settings;
  /** Rate of students, where it is another one than that of teachers. */
  readonly studentRate?: number;
  /** Rate of networks for small devices. */
  readonly lightRate: number;
  /** The two stages of the explainer. */
  readonly stages?: { readonly stage1: Settings; readonly stage2: Settings };
  /** Weights of terms that are not those of their papers. */
  readonly weights?: Readonly<Record<string, number>>;
};

const LIGHT = /^(?:mobilenet|shufflenet)/;

const sgd = (learningRate: number, nesterov = false): Settings => {
  return { name: 'sgd', learningRate, momentum: 0.9, nesterov, weightDecay: 5e-4 };
};

/** RepDistiller's training of any network, which most others have taken over. */
const REPDISTILLER: Settings = {
  ...{ epochs: 240, batch: 64, optimizer: sgd(0.05) },
  ...{ schedule: 'step', publishedEpochs: 240, milestones: [150, 180, 210], factor: 0.1 },
  ...{ warmUpEpochs: 0, augment: { pad: 4, flip: true } },
};

/** ReviewKD's, and KD++'s: twice the batch, twice the rate, and Nesterov. */
const REVIEWKD: Settings = { ...REPDISTILLER, batch: 128, optimizer: sgd(0.1, true) };

const EXPLAINER: Settings = { epochs: 300, batch: 128, augment: { pad: 4, flip: true } };

export const PROTOCOLS = {
  repdistiller: {
    source: 'RepDistiller (Tian et al., ICLR 2020)',
    ...{ network: REPDISTILLER, lightRate: 0.01 },
  },
  kdexplainer: {
    source: 'KDExplainer (Xue et al., IJCAI 2021)',
    ...{ network: REPDISTILLER, lightRate: 0.01 },
    stages: {
      stage1: {
        ...EXPLAINER,
        ...{ optimizer: { name: 'adam', learningRate: 0.05, gateLearningRate: 0.01 } },
        schedule: 'explainer-soft',
      },
      stage2: { ...EXPLAINER, optimizer: sgd(0.05), schedule: 'explainer-hard' },
    },
    weights: { ft: 50 },
  },
  mdistiller: {
    source: 'mdistiller (Zhao et al., CVPR 2022)',
    ...{ network: REPDISTILLER, lightRate: 0.01 },
  },
  dist: {
    source: 'DIST (Huang et al., NeurIPS 2022)',
    ...{ network: REPDISTILLER, lightRate: 0.01 },
  },
  reviewkd: {
    source: 'ReviewKD (Chen et al., CVPR 2021)',
    ...{ network: REVIEWKD, lightRate: 0.02 },
  },
  kdpp: {
    source: 'KD++ (Wang et al., 2023), 64 images on each of two devices',
    ...{ network: REVIEWKD, lightRate: 0.02 },
  },
  mlkd: {
    source: 'MLKD (Jin et al., CVPR 2023), 240 epochs',
    ...{ network: REPDISTILLER, studentRate: 0.025, lightRate: 0.01 },
  },
  'tiny-imagenet': {
    source: 'mdistiller on Tiny-ImageNet, with crops and flips in place of its rotations',
    network: {
      ...REPDISTILLER,
      ...{ epochs: 200, batch: 256, optimizer: sgd(0.2) },
      ...{ publishedEpochs: 200, milestones: [60, 120, 160], augment: { pad: 8, flip: true } },
    },
    lightRate: 0.2,
  },
} as const satisfies Readonly<Record<string, Protocol>>;

export type ProtocolName = keyof typeof PROTOCOLS;
export const PROTOCOL_NAMES = Object.keys(PROTOCOLS) as readonly string[] as readonly [
  ProtocolName,
  ...ProtocolName[],
];

/** A study with its protocol's settings where it has none of its own. */
export type Filled = {
  readonly input: unknown;
  /** How many exceptions stand in front of those that the study has. */
  readonly exceptions: number;
};

/** Fills in the protocol that a study names. What is no study, or names none, is as it was. */
export function withProtocol(input: unknown): Filled {
  const asWritten = { input, exceptions: 0 };
  if (!isGroup(input)) return asWritten;
  const { protocol: name, ...study } = input;
  if (typeof name !== 'string' || !Object.hasOwn(PROTOCOLS, name)) return asWritten;
  const protocol: Protocol = PROTOCOLS[name as ProtocolName];
  const sweep = filledSweep(study['sweep'], protocol);
  return {
    input: {
      ...study,
      ...mapped(study, 'teachers', (teacher) => filledTeacher(teacher, protocol)),
      ...(isGroup(study['explain']) ? { explain: filledStages(study['explain'], protocol) } : {}),
      ...('sweep' in study ? { sweep: sweep.input } : {}),
    },
    exceptions: sweep.exceptions,
  };
}

/** A member that is a list, with each of its groups changed. */
function mapped(study: Settings, field: string, change: (of: Settings) => Settings): Settings {
  const list: unknown = study[field];
  if (!Array.isArray(list)) return {};
  return { [field]: list.map((item: unknown) => (isGroup(item) ? change(item) : item)) };
}

/** Settings with those that are given in their place; another optimiser brings all of its own. */
function over(base: Settings, given: unknown): unknown {
  if (given === undefined) return base;
  if (!isGroup(given)) return given;
  const [ours, theirs] = [base['optimizer'], given['optimizer']];
  const isOther =
    isGroup(ours) && isGroup(theirs) && 'name' in theirs && theirs['name'] !== ours['name'];
  return replaced(isOther ? { ...base, optimizer: {} } : base, given);
}

function filledTeacher(teacher: Settings, { network, lightRate }: Protocol): Settings {
  if ('import' in teacher) return teacher;
  const { model } = teacher;
  const isLight = isGroup(model) && LIGHT.test(String(model['name']));
  return {
    ...teacher,
    train: over(isLight ? withRate(network, lightRate) : network, teacher['train']),
  };
}

function withRate(train: Settings, learningRate: number): Settings {
  return replaced(train, { optimizer: { learningRate } });
}

function filledStages(explain: Settings, { stages }: Protocol): Settings {
  if (stages === undefined) return explain;
  return {
    ...explain,
    stage1: over(stages.stage1, explain['stage1']),
    stage2: over(stages.stage2, explain['stage2']),
  };
}

function filledSweep(sweep: unknown, protocol: Protocol): Filled {
  if (!isGroup(sweep)) return { input: sweep, exceptions: 0 };
  const { network, studentRate, lightRate, weights = {} } = protocol;
  const train = studentRate === undefined ? network : withRate(network, studentRate);
  const own = Array.isArray(sweep['exceptions']) ? (sweep['exceptions'] as unknown[]) : [];
  const light = hasRate(sweep['train']) ? [] : lightException(sweep['students'], lightRate);
  const weighed = (method: Settings): Settings => ({
    ...method,
    ...mapped(method, 'distillers', (term) => {
      const weight = weights[String(term['name'])];
      return weight === undefined ? term : { weight, ...term };
    }),
  });
  const exceptions = [...light, ...own];
  return {
    input: {
      ...sweep,
      ...mapped(sweep, 'methods', weighed),
      train: over(train, sweep['train']),
      ...(exceptions.length === 0 ? {} : { exceptions }),
    },
    exceptions: light.length,
  };
}

/** A study that says a rate itself means it for all of its students. */
function hasRate(train: unknown): boolean {
  return isGroup(train) && isGroup(train['optimizer']) && 'learningRate' in train['optimizer'];
}

function lightException(students: unknown, learningRate: number): readonly Settings[] {
  const names = (Array.isArray(students) ? (students as unknown[]) : [])
    .map((student) => (isGroup(student) ? student['name'] : undefined))
    .filter((name) => typeof name === 'string')
    .filter((name) => LIGHT.test(name));
  return names.length === 0 ? [] : [{ students: names, train: { optimizer: { learningRate } } }];
}
