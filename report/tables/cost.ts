import type { RunRecord } from '../../leg/result.ts';
import { missing, quantity, type Prose, type Row, type Table } from '../page/content.ts';
import { bytes, fixed, NOTHING, seconds } from '../format.ts';
import type { ReportTrial } from '../input.ts';
import { groupLabel } from './sweep.ts';
import { teachLegs } from './teach-once.ts';
import { ARM_LABELS, type Trials } from '../trials.ts';

type CostGroup = { readonly label: string; readonly trials: readonly ReportTrial[] };

const all = (...trials: readonly (ReportTrial | undefined)[]): readonly ReportTrial[] =>
  trials.filter((trial) => trial !== undefined);

function costGroups(trials: Trials): readonly CostGroup[] {
  const { teachers, arms, groups } = trials;
  const measured = [
    ...teachers.map(({ evaluation }) => evaluation),
    ...arms.flatMap(({ seeds }) => seeds.map(({ explanation }) => explanation)),
    ...groups.flatMap(({ seeds }) => seeds.map(({ evaluation }) => evaluation)),
  ];
  return [
    ...teachers.map(({ id, training }) => ({ label: `Teacher ${id}`, trials: all(training) })),
    { label: 'Teachers’ logits, once', trials: teachLegs(trials) },
    ...arms.flatMap(({ name, seeds }) => [
      {
        label: `${ARM_LABELS[name]}, soft gates`,
        trials: all(...seeds.map(({ soft }) => soft)),
      },
      { label: `${ARM_LABELS[name]}, hard tree`, trials: all(...seeds.map(({ hard }) => hard)) },
    ]),
    ...groups.map((group) => ({
      label: `${group.student}, ${groupLabel(group, [group])}`,
      trials: all(...group.seeds.map(({ training }) => training)),
    })),
    { label: 'Evaluations and explanations', trials: all(...measured) },
  ].filter(({ trials }) => trials.length > 0);
}

/** What the trials cost, from the records of their runs. */
export function costTable(trials: Trials): Table {
  const groups = costGroups(trials);
  return {
    id: 'cost',
    caption: 'What it cost. Times are of the machines that ran it; they are in no key.',
    columns: [
      { label: 'Work' },
      { label: 'trials', numeric: true },
      { label: 'runs', numeric: true, hint: 'processes; more than trials where one was resumed' },
      { label: 'time, all', numeric: true },
      { label: 'images/s', numeric: true, hint: 'median over runs' },
      { label: 'peak memory', numeric: true },
    ],
    rows: [...groups.map(costRow), totalRow(groups)],
    notes: resumedNote(groups),
  };
}

function costRow({ label, trials }: CostGroup): Row {
  const runs = trials.flatMap((trial) => trial.runs);
  const cell = (text: string, what: string): Prose => [
    runs.length === 0 || text === NOTHING ? missing('not recorded') : quantity(text, trials, what),
  ];
  return {
    head: [label],
    cells: [
      [quantity(String(trials.length), trials, 'trials')],
      cell(String(runs.length), 'processes'),
      cell(seconds(sum(runs)), 'wall time of all processes'),
      cell(fixed(median(runs.flatMap((run) => run.imagesPerSecond ?? [])), 0), 'median of runs'),
      cell(bytes(Math.max(...runs.map(({ peakBytes }) => peakBytes))), 'largest of all processes'),
    ],
  };
}

function totalRow(groups: readonly CostGroup[]): Row {
  const whole = costRow({ label: 'Together', trials: groups.flatMap(({ trials }) => trials) });
  return { ...whole, cells: whole.cells.map((cell, i) => (i === 3 ? [] : cell)) };
}

function sum(runs: readonly RunRecord[]): number {
  return runs.reduce((total, run) => total + run.seconds, 0);
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (upper + lower) / 2;
}

function resumedNote(groups: readonly CostGroup[]): readonly Prose[] {
  const resumed = groups
    .flatMap(({ trials }) => trials)
    .filter(({ runs }) => runs.some(({ resumedFrom }) => resumedFrom !== undefined));
  if (resumed.length === 0) return [];
  return [
    [
      'Resumed from a checkpoint: ',
      ...resumed.flatMap((trial, i) => [i === 0 ? '' : ', ', quantity(trial.id, [trial])]),
      '. A resumed trial ends with the bytes of an undisturbed one.',
    ],
  ];
}
