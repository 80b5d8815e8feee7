import { parseHTML } from 'linkedom';
import { reportFixture, studyLike, type Ends } from '../../fixtures/report/input.ts';
import type { ReportInput, ReportTrial } from '../../../report/input.ts';
import { renderReport, type RenderedReport } from '../../../report/render.ts';
import type { StudyInput } from '../../../study/schema.ts';

/** What is used of an element; the DOM itself is not among the types of a server. */
export type PageElement = {
  readonly tagName: string;
  readonly id: string;
  readonly textContent: string;
  readonly outerHTML: string;
  readonly attributes: Iterable<{ readonly name: string; readonly value: string }>;
  readonly getAttribute: (name: string) => string | null;
  readonly closest: (selector: string) => PageElement | null;
  readonly querySelector: (selector: string) => PageElement | null;
  readonly querySelectorAll: (selector: string) => Iterable<PageElement>;
};

export type DrawnReport = RenderedReport & {
  readonly input: ReportInput;
  readonly page: PageElement;
};

/** A report drawn from an input, with its page parsed. */
export function draw(input: ReportInput): DrawnReport {
  const rendered = renderReport(input);
  const { document } = parseHTML(rendered.html) as unknown as {
    readonly document: { readonly documentElement: PageElement };
  };
  return { ...rendered, input, page: document.documentElement };
}

/** The report of a fixture study. */
export function drawFixture(
  ends: Ends = {},
  change: (study: StudyInput) => void = () => undefined,
): DrawnReport {
  return draw(reportFixture(studyLike(change), ends));
}

/** A study with as many seeds for students and explainers. */
export const seeds =
  (count: number) =>
  (study: StudyInput): void => {
    const values = Array.from({ length: count }, (_, i) => 2000 + i);
    study.seeds = { init: values, data: values };
    if (study.explain !== undefined) study.explain.seeds = count;
  };

/** The same input with some of its trials changed. */
export function changeTrials(
  input: ReportInput,
  change: (trial: ReportTrial) => ReportTrial,
): ReportInput {
  return { ...input, trials: input.trials.map(change) };
}

/** The input with another accuracy in the last epoch of the students' trials. */
export function withStudentAccuracy(
  input: ReportInput,
  accuracy: (id: string) => number,
): ReportInput {
  return changeTrials(input, (trial) => {
    const { id, result } = trial;
    if (!/^sweep\/.*\/s\d+$/.test(id) || result === undefined) return trial;
    const metrics = { ...result.metrics, 'test.top1.last': accuracy(id) };
    return { ...trial, result: { ...result, metrics } };
  });
}

export const all = (page: PageElement, selector: string): readonly PageElement[] => [
  ...page.querySelectorAll(selector),
];

/** The text of an element as a reader sees it: white space of the source is none. */
export function textOf(element: PageElement | null): string {
  if (element === null) throw new Error('there is no such element');
  return element.textContent.replace(/\s+/g, ' ').trim();
}

/** A table's rows as texts, header cell first. */
export function rowsOf(page: PageElement, id: string): readonly (readonly string[])[] {
  return all(page, `#${id} tbody tr`).map((row) => all(row, 'th, td').map(textOf));
}

/** A cell by its row's header and its column's. */
export function cellOf(page: PageElement, id: string, row: string, column: string): PageElement {
  const columns = all(page, `#${id} thead th`).map(textOf);
  const found = all(page, `#${id} tbody tr`).find((tr) => textOf(tr.querySelector('th')) === row);
  const at = columns.indexOf(column);
  const cell = found === undefined ? undefined : all(found, 'th, td')[at];
  if (cell === undefined) {
    throw new Error(`#${id} has no cell "${row}" × "${column}"; columns: ${columns.join(' | ')}`);
  }
  return cell;
}
