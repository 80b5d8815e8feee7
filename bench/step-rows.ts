import type { Measurement } from './rounds.ts';
import { median, rounded } from './summary.ts';
import { fixed, formatTable } from './table.ts';
import type { EngineName } from './worker-process.ts';

/** One row of the result; `null` is what was not measured. */
export type StepRow = {
  readonly model: string;
  readonly batch: number;
  readonly recordedMs: number | null;
  readonly eagerMs: number | null;
  readonly torchMs: number | null;
  readonly torchChannelsLastMs: number | null;
  /** recorded ÷ PyTorch NCHW. */
  readonly ratio: number | null;
  /** FLOP/s of the recorded step ÷ those of a matrix product. */
  readonly peakShare: number | null;
};

function millisecondsOf({ rounds }: Measurement, engine: EngineName): number {
  return median(rounds[engine] ?? []);
}

/** A measurement in numbers, as the last line of the output has it. */
export function rowOf(measurement: Measurement, batch: number): StepRow {
  const { subject, facts, peak } = measurement;
  const recorded = millisecondsOf(measurement, 'recorded');
  const torch = millisecondsOf(measurement, 'torch');
  const rate = (facts.flop ?? Number.NaN) / (recorded / 1000);
  return {
    model: subject.name,
    batch,
    recordedMs: rounded(recorded),
    eagerMs: rounded(millisecondsOf(measurement, 'eager')),
    torchMs: rounded(torch),
    torchChannelsLastMs: rounded(millisecondsOf(measurement, 'torch-channels-last')),
    ratio: rounded(recorded / torch),
    peakShare: rounded(rate / peak),
  };
}

const HEADER = [
  ...['model', 'recorded ms', 'eager ms', 'PyTorch ms', 'channels_last ms'],
  ...['÷ PyTorch', 'by round', '÷ channels_last', 'GFLOP', 'GFLOP/s', 'sgemm GFLOP/s', '% of peak'],
];

/** recorded ÷ PyTorch in the best and in the worst round: how far noise reaches. */
function spreadOf({ rounds }: Measurement): string {
  const torch = rounds.torch ?? [];
  const ratios = (rounds.recorded ?? []).map((value, round) => value / (torch[round] ?? NaN));
  if (!ratios.some(Number.isFinite)) return '–';
  return `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
}

/** All measurements as a table for people. */
export function stepTable(measurements: readonly Measurement[]): string {
  const rows = measurements.map((measurement) => {
    const { facts, peak } = measurement;
    const row = rowOf(measurement, 0);
    const { recordedMs, torchChannelsLastMs, peakShare } = row;
    const flop = facts.flop ?? Number.NaN;
    const rate = flop / ((recordedMs ?? Number.NaN) / 1000);
    const beside = (recordedMs ?? Number.NaN) / (torchChannelsLastMs ?? Number.NaN);
    return [
      row.model,
      ...[recordedMs, row.eagerMs, row.torchMs, torchChannelsLastMs].map((ms) => fixed(ms, 1)),
      fixed(row.ratio, 2),
      spreadOf(measurement),
      fixed(rounded(beside), 2),
      fixed(rounded(flop / 1e9), 1),
      fixed(rounded(rate / 1e9), 0),
      fixed(rounded(peak / 1e9), 0),
      fixed(peakShare === null ? null : peakShare * 100, 0),
    ];
  });
  return formatTable(HEADER, rows);
}
