import { armsTable, entropyComparisons, entropyDifferencesTable } from '../tables/arms.ts';
import { prose, type Block, type Section, type Table } from './content.ts';
import { costTable } from '../tables/cost.ts';
import { deviationsTable } from '../tables/deviations.ts';
import { classesFigure } from '../figures/classes.ts';
import { explainerCurves, studentCurves } from '../figures/curves.ts';
import { entropyFigure } from '../figures/entropy.ts';
import { differencesFigure } from '../figures/seeds.ts';
import { drawnSeed, drawTrees, treesFigure, type DrawnTree } from '../figures/trees.ts';
import { findingsOf } from '../findings.ts';
import type { ReportInput } from '../input.ts';
import { comparisonsOf } from '../../study/comparisons.ts';
import { infoOf } from '../../study/datasets.ts';
import type { Study } from '../../study/schema.ts';
import { protocolProse, protocolTable } from '../tables/protocol.ts';
import { originTable, provenanceTable, storedBytes } from '../tables/provenance.ts';
import { publishedTable } from '../tables/published.ts';
import { differencesTable, sweepComparisons, sweepQuestions, sweepTable } from '../tables/sweep.ts';
import { teachOnceTable } from '../tables/teach-once.ts';
import { partitionsTable, type Superclasses } from '../tables/partitions.ts';
import { classNames, confusionProse, teachersTable } from '../tables/teachers.ts';
import { arrangeTrials, type StudentGroup, type Trials } from '../trials.ts';

/** A report before it is a page: what it says, in order. */
export type Report = {
  readonly headline: string;
  /** What the headline's seeds do not carry. */
  readonly caution?: string;
  readonly sections: readonly Section[];
};

/** Everything a study's report says, computed from its trials. Pure. */
export function composeReport(input: ReportInput): Report {
  const { study } = input;
  const trials = arrangeTrials(input);
  const names = classNames(study);
  const sweep = sweepComparisons(trials.groups, comparisonsOf(study));
  const entropies = entropyComparisons(trials.arms);
  const { items, ...title } = findingsOf({
    ...{ trials, entropies, sweep },
    questions: sweepQuestions(study, trials.groups, sweep),
  });
  const wants = (table: (typeof study.report.tables)[number]): boolean =>
    study.report.tables.includes(table);
  const seed = drawnSeed(trials.arms);
  const drawn = seed === undefined ? [] : drawTrees(trials.arms, seed, names);
  return {
    ...title,
    sections: [
      section(
        'picture',
        drawn.length === 1 ? 'The explainer as a tree' : 'One explainer, by kind of label',
        drawn.length === 0 ? [] : [figureBlock(treesFigure(drawn, names))],
      ),
      section('findings', 'What was found', items.length === 0 ? [] : [{ kind: 'list', items }]),
      ...(wants('explanation')
        ? explanationSections(trials, drawn, names, entropies, superclassesOf(study))
        : []),
      ...(wants('sweep') ? sweepSections(study, trials, sweep) : []),
      ...(wants('teachers') ? teacherSections(trials, names) : []),
      ...protocolSections(input, trials),
    ].filter(({ blocks }) => blocks.length > 0),
  };
}

function section(id: string, title: string, blocks: readonly Block[]): Section {
  return { id, title, blocks };
}

function tableBlock(table: Table): readonly Block[] {
  return table.rows.length === 0 ? [] : [{ kind: 'table', table }];
}

function figureBlock(figure: Extract<Block, { kind: 'figure' }>['figure']): Block {
  return { kind: 'figure', figure };
}

function optionalFigure(figure: Parameters<typeof figureBlock>[0] | undefined): readonly Block[] {
  return figure === undefined ? [] : [figureBlock(figure)];
}

const GATES: readonly Block[] = [
  prose(
    'The explainer is made of small experts in levels, and a head for every class. A gate says how much each of them reads of each expert of the level before. The paper’s claim: taught by a teacher’s soft labels, gates are more decided than taught by hard labels, so that classes which pull the same weights apart share fewer of them. Gate entropy† measures how undecided a gate is: 1 when it reads all experts alike, 0 when it reads one.',
  ),
  prose(
    'Gates are made colder every epoch, which alone drives their entropy down. Arms are therefore compared at one fixed temperature, τ = 0.5.',
  ),
];

function superclassesOf({ dataset }: Study): Superclasses | undefined {
  const { superclasses } = infoOf(dataset);
  return superclasses;
}

function explanationSections(
  { arms }: Trials,
  drawn: readonly DrawnTree[],
  names: readonly string[],
  entropies: ReturnType<typeof entropyComparisons>,
  superclasses: Superclasses | undefined,
): readonly Section[] {
  if (arms.length === 0) return [];
  const gates = [
    ...optionalFigure(entropyFigure(arms)),
    ...tableBlock(entropyDifferencesTable(entropies)),
  ];
  return [
    section('gates', 'How sharp the gates are', gates.length === 0 ? [] : [...GATES, ...gates]),
    section('explainers-in-numbers', 'The explainers in numbers', [
      prose(
        `${arms.length === 1 ? 'The explainer is trained' : 'Every arm trains the explainer'} twice. With soft gates it searches for a tree; then each gate is cut to the one expert that it reads most, and this hard tree is trained anew, from fresh weights. An expert is used when some class’s way from the image leads through it.`,
      ),
      ...tableBlock(armsTable(arms)),
      ...tableBlock(partitionsTable(arms, superclasses)),
      ...optionalFigure(classesFigure(drawn, names)),
      ...optionalFigure(explainerCurves(arms)),
    ]),
  ];
}

function sweepSections(
  study: Study,
  { groups }: Trials,
  sweep: ReturnType<typeof sweepComparisons>,
): readonly Section[] {
  if (groups.length === 0) return [];
  const several = (of: (group: StudentGroup) => string): boolean =>
    new Set(groups.map(of)).size > 1;
  return [
    section('students', 'Students', [
      prose(
        `${several(({ student }) => student) ? 'Small networks, each' : 'The same small network,'} trained by ${several(({ method }) => method.id) ? 'each method' : 'one method'} from the same initial weights and on the same order of images${several(({ method }) => method.id) ? ', seed by seed; so differences are taken within a seed' : ''}. What a method’s name stands for is under Protocol.`,
      ),
      ...tableBlock(sweepTable(groups)),
      ...optionalFigure(differencesFigure(sweep)),
      ...tableBlock(differencesTable(sweep)),
      ...tableBlock(publishedTable(study, groups)),
      ...studentCurves(groups).map(figureBlock),
    ]),
  ];
}

function storedWords(trials: Trials['all']): string {
  return trials.some(({ result }) => result !== undefined)
    ? `Together the results name ${storedBytes(trials)} of files.`
    : 'There is no result yet.';
}

function teacherSections({ teachers }: Trials, names: readonly string[]): readonly Section[] {
  if (teachers.length === 0) return [];
  const confusions = teachers.map((teacher) => confusionProse(teacher, names));
  return [
    section('the-teacher', teachers.length === 1 ? 'The teacher' : 'The teachers', [
      ...tableBlock(teachersTable(teachers)),
      ...confusions.filter((text) => text.length > 0).map((text) => prose(...text)),
    ]),
  ];
}

function protocolSections(input: ReportInput, trials: Trials): readonly Section[] {
  const { study } = input;
  return [
    section('how-trained', 'Protocol', [
      prose(...protocolProse(study)),
      ...tableBlock(protocolTable(study)),
      ...tableBlock(deviationsTable(study)),
    ]),
    section('costs', 'Cost', [
      ...tableBlock(costTable(trials)),
      ...tableBlock(teachOnceTable(trials)),
    ]),
    section('provenance-of-numbers', 'Where the numbers come from', [
      prose(
        `A number leads to its trials below. ${storedWords(trials.all)} Recompute every evaluation number from stored weights with`,
      ),
      { kind: 'code', text: `npm run kdx -- verify ${study.name}` },
      ...tableBlock(originTable(input)),
      ...tableBlock(provenanceTable(trials.all)),
    ]),
  ];
}
