import { z } from 'zod';
import { digestJson } from './canonical.ts';
import { EXPLAINER_NAMES, MODEL_NAMES, type ModelName } from './models/models.ts';
import { bindTrial, expandStudy, type PlanContext } from './plan/plan.ts';
import { problemOf, problemsText, resolveStudy, type Problem } from './resolve.ts';
import { studySchema } from './schema.ts';
import type { TrainSpec } from './spec.ts';

const count = z.int().min(1);
const NETWORKS = MODEL_NAMES.filter((name) => !EXPLAINER_NAMES.includes(name));
const DEFAULT_MODELS: ModelName[] = ['resnet20', 'wrn_16_2'];

/** What a benchmark may be told; every part may be absent. */
export const benchmarkSchema = z.strictObject({
  models: z.array(z.enum(NETWORKS)).min(1).default(DEFAULT_MODELS),
  /** Kinds of the device by the operator's names; absent: all that there are. */
  flavours: z.array(z.string().min(1)).min(1).optional(),
  device: studySchema.shape.device,
  executor: studySchema.shape.executor,
  engine: studySchema.shape.engine,
  batch: count.default(64),
  images: z.int().min(64).max(4000).default(2000),
  epochs: z.int().min(2).default(3),
});
export type Benchmark = z.output<typeof benchmarkSchema>;

/** @returns the benchmark with its defaults, or everything that is wrong with it */
export function readBenchmark(input: unknown): Benchmark | readonly Problem[] {
  const parsed = benchmarkSchema.safeParse(input ?? {});
  return parsed.success ? parsed.data : parsed.error.issues.map((issue) => problemOf(issue, input));
}

/** One training that is timed. */
export type BenchmarkTrial = {
  readonly id: string;
  /** Everything but the time of the run: what is comparable from run to run. */
  readonly series: string;
  readonly key: string;
  readonly spec: TrainSpec;
  readonly memoryMiB: number;
};

/**
 * The trainings of one run of a benchmark on one flavour: each model by cross-entropy, on digits. Pure.
 *
 * @param at which run it is: it is in the key, so that nothing is found that was measured before
 * @param flavour what the executor calls the device; `host` where it has no names
 */
export function benchmarkTrials(
  benchmark: Benchmark,
  context: PlanContext,
  at: string,
  flavour: string,
): readonly BenchmarkTrial[] {
  const { models, device, engine, batch, images, epochs } = benchmark;
  const resolution = resolveStudy({
    name: 'benchmark',
    ...{ device, engine },
    dataset: { name: 'digits', split: { train: images, validation: 0, test: 10 } },
    seeds: { init: [1], data: [1] },
    sweep: {
      students: models.map((name) => ({ name })),
      methods: [{ id: 'CE', distillers: [{ name: 'ce' }] }],
      train: { epochs, batch, optimizer: { name: 'sgd' } },
    },
  });
  if (!resolution.ok) throw new Error(problemsText(resolution.problems));
  const trainings = expandStudy(resolution.study, context).filter(({ kind }) => kind === 'train');
  return trainings.map((node) => {
    const bound = bindTrial(node, new Map()).spec as TrainSpec;
    const spec = { ...bound, streams: `benchmark/${at}/${flavour}` };
    const { kind, threads, precision } = device;
    const series = [flavour, spec.model.name, kind, `${threads}t`, precision, engine, `b${batch}`];
    return {
      id: `${flavour}/${spec.model.name}/${at}`,
      series: series.join('/'),
      key: digestJson(spec),
      ...{ spec, memoryMiB: node.memoryMiB },
    };
  });
}
