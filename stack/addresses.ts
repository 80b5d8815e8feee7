import type { StackRecord } from './record.ts';

/** The lines that tell a person where the servers are. */
export function addressLines(record: StackRecord): readonly string[] {
  const addressOf = (name: string): string =>
    record.services.find((service) => service.name === name)?.address ?? 'not running';
  return [
    `Temporal UI   ${record.temporalUi}`,
    `MLflow UI     ${addressOf('mlflow')}${trackingNote(record)}`,
    `Temporal      ${addressOf('temporal')}`,
    `S3            ${addressOf('s3')} (${record.s3Kind})`,
  ];
}

/** MLflow may be late or not start at all: studies run without it, and are recorded when it is there. */
function trackingNote({ services }: StackRecord): string {
  const mlflow = services.find(({ name }) => name === 'mlflow');
  if (mlflow === undefined || mlflow.state === 'ready') return '';
  if (mlflow.restarts === 0) return ' (still starting; studies do not wait for it)';
  const why = mlflow.cause === undefined ? '' : `: ${mlflow.cause}`;
  return ` (does not run${why}; studies run without it; its log: ${mlflow.log})`;
}
