import type { StackRecord } from './record.ts';

/** The lines that tell a person where the servers are. */
export function addressLines(record: StackRecord): readonly string[] {
  const addressOf = (name: string): string =>
    record.services.find((service) => service.name === name)?.address ?? 'not running';
  return [
    `Temporal UI   ${record.temporalUi}`,
    `MLflow UI     ${addressOf('mlflow')}`,
    `Temporal      ${addressOf('temporal')}`,
    `S3            ${addressOf('s3')} (${record.s3Kind})`,
  ];
}
