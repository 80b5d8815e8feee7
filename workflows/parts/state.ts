import type { PartPlan, Split } from './split.ts';

/** Words of all parts together that say only where their trials stand. */
const WORDS = 1000;

/** One part of a study, as the study sees it. */
export type PartState = {
  readonly number: number;
  readonly plan: PartPlan;
  /** `closed`: all of its trials are settled; one with a failed trial may be opened again. */
  state: 'waiting' | 'open' | 'closed';
  /** Slots of the study's window that it holds. */
  lent: number;
  /** Of these, slots that it has been asked to give back. */
  reclaimed: number;
  /** Trials that it could start beyond its slots. */
  wanted: number;
  /** Trials that it needs and that have not ended. */
  awaited: Set<string>;
  /** It is opened again when it has closed: meanwhile something it needs is tried again. */
  again: boolean;
  /** Digest that its failed trials are kept under. */
  failures?: string;
  /** Launches and device seconds of this opening, as last told. */
  launches: number;
  deviceSeconds: number;
};

/** The parts of a large study. */
export type Parts = {
  readonly list: readonly PartState[];
  readonly partOf: ReadonlyMap<string, PartState>;
  /** Trials that a part lets end before it says so: all words together stay some thousand events. */
  readonly wordEvery: number;
};

/**
 * The parts of a study before any of them is open.
 *
 * @param failures digest of what has failed in earlier runs of the study
 */
export function createParts(
  { parts, stuck }: Pick<Split, 'parts' | 'stuck'>,
  trials: number,
  failures: string | undefined,
): Parts {
  const list = [...parts, ...stuck].map((plan, i): PartState => ({
    number: i + 1,
    plan,
    state: i < parts.length ? 'waiting' : 'closed',
    ...{ lent: 0, reclaimed: 0, wanted: 0, launches: 0, deviceSeconds: 0 },
    ...{ awaited: new Set(), again: false },
    ...(failures === undefined ? {} : { failures }),
  }));
  return {
    list,
    partOf: new Map(list.flatMap((part) => part.plan.ids.map((id) => [id, part] as const))),
    wordEvery: Math.max(1, Math.ceil(trials / WORDS)),
  };
}
