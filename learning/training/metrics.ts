import type { EpochRecord } from '../../leg/records.ts';

/** Trainable scalars: of the network, and of modules that are dropped after training. */
export type Cost = { readonly parameters: number; readonly helperParameters: number };

/** Scalars of a training for tables; names as `METRICS` of `leg/records.ts` lists them. */
export function trainingMetrics(
  log: readonly EpochRecord[],
  { parameters, helperParameters }: Cost,
): Readonly<Record<string, number>> {
  const last = log.at(-1);
  const cost = {
    parameters,
    ...(helperParameters === 0 ? {} : { 'parameters.helpers': helperParameters }),
  };
  if (last === undefined) return cost;
  const selected = selectedByValidation(log);
  return {
    top1: last.test.top1,
    ...cost,
    'loss.last': last.loss,
    'train.top1.last': last.trainTop1,
    'test.top1.last': last.test.top1,
    'test.top1.best': Math.max(...log.map(({ test }) => test.top1)),
    'test.nll.last': last.test.nll,
    ...(last.validation === undefined
      ? {}
      : {
          'validation.top1.last': last.validation.top1,
          'validation.nll.last': last.validation.nll,
        }),
    ...(selected === undefined ? {} : { 'test.top1.selected': selected.test.top1 }),
  };
}

/** The epoch with the best validation accuracy, the earliest on ties. */
function selectedByValidation(log: readonly EpochRecord[]): EpochRecord | undefined {
  return log
    .filter(({ validation }) => validation !== undefined)
    .toSorted((a, b) => (b.validation?.top1 ?? 0) - (a.validation?.top1 ?? 0))
    .at(0);
}
