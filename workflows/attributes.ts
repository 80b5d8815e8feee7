import {
  defineSearchAttributeKey,
  type SearchAttributePair,
  type SearchAttributeType,
} from '@temporalio/common';
import { ApplicationFailure, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import type { ResultSummary } from '../activities/contract.ts';
import { SEARCH_ATTRIBUTES, type SearchAttribute } from '../leg/search-attributes.ts';
import type { BoundTrial } from '../study/plan/plan.ts';
import type { StudySummary } from './conclude.ts';
import { entryOf, type StudyRun } from './state.ts';
import { statusOf } from './status.ts';

const TYPES = { Keyword: 'KEYWORD', Double: 'DOUBLE' } as const;

type Values = Readonly<Partial<Record<SearchAttribute, string | number>>>;

/** Pairs as Temporal takes them. */
function attributePairs(values: Values): SearchAttributePair[] {
  return Object.entries(values).map(([name, value]) => {
    const type: SearchAttributeType = TYPES[SEARCH_ATTRIBUTES[name as SearchAttribute]];
    return { key: defineSearchAttributeKey(name, type), value } as SearchAttributePair;
  });
}

/** What a trial is started with, where the server knows our attributes. */
export function trialAttributes(run: StudyRun, { id, spec }: BoundTrial) {
  if (!run.searchable) return {};
  const { name, dataset } = run.resolved.study;
  const { section, kind } = entryOf(run, id).node;
  const model = 'model' in spec ? spec.model.name : undefined;
  const method = section === 'sweep' ? id.split('/')[2] : undefined;
  return {
    typedSearchAttributes: attributePairs({
      ...{ KdxStudy: name, KdxDataset: dataset.name, KdxSection: section, KdxKind: kind },
      ...(model === undefined ? {} : { KdxModel: model }),
      ...(method === undefined ? {} : { KdxMethod: method }),
    }),
  };
}

/** What a part of a study is started with. */
export function studyAttributes(run: StudyRun) {
  if (!run.searchable) return {};
  const { name, dataset } = run.resolved.study;
  return {
    typedSearchAttributes: attributePairs({ KdxStudy: name, KdxDataset: dataset.name }),
  };
}

/** Adds its attributes to a study; one that goes on as new has them. */
export function describeStudy(run: StudyRun): void {
  if (!run.searchable || isSearchable()) return;
  const { name, dataset } = run.resolved.study;
  setAttributes({ KdxStudy: name, KdxDataset: dataset.name });
}

/** Adds to a study how it has ended. */
export function describeEnd(run: StudyRun, conclude: () => StudySummary): StudySummary {
  const describe = (outcome: string): void => {
    if (!run.searchable) return;
    const { best } = statusOf(run, Date.now());
    setAttributes({ KdxOutcome: outcome, ...(best === undefined ? {} : { KdxTop1: best.top1 }) });
  };
  try {
    const summary = conclude();
    describe('complete');
    return summary;
  } catch (error) {
    describe(error instanceof ApplicationFailure ? (error.type ?? 'CodeBug') : 'CodeBug');
    throw error;
  }
}

/** Adds its result to a trial. */
export function describeResult({ status, metrics }: ResultSummary): void {
  const { top1 } = metrics;
  describeOutcome(status, top1);
}

/** Adds to a trial how it has ended. */
export function describeOutcome(outcome: string, top1?: number): void {
  if (!isSearchable()) return;
  setAttributes({ KdxOutcome: outcome, ...(top1 === undefined ? {} : { KdxTop1: top1 }) });
}

function setAttributes(values: Values): void {
  upsertSearchAttributes(attributePairs(values));
}

const STUDY = defineSearchAttributeKey('KdxStudy', 'KEYWORD');

/** Whether this workflow was started with our attributes: its server knows them. */
function isSearchable(): boolean {
  return workflowInfo().typedSearchAttributes.get(STUDY) !== undefined;
}
