import {
  EXPLAINER_EPOCHS,
  PUBLISHED_EPOCHS,
  PUBLISHED_FACTOR,
  PUBLISHED_MILESTONES,
  type Train,
} from './train-schema.ts';

/** A setting that its schedule does not read would be in the key and change nothing. */
export function scheduleProblems(
  path: string,
  train: Train,
): readonly { readonly path: string; readonly message: string }[] {
  const { schedule, publishedEpochs, milestones, warmUpEpochs, scale, epochs } = train;
  const published = schedule.startsWith('explainer-') ? EXPLAINER_EPOCHS : publishedEpochs;
  const problem = (field: string, message: string): { path: string; message: string } => ({
    path: `${path}.${field}`,
    message,
  });
  const unread = [
    ...(schedule === 'step' ? [] : [['milestones', PUBLISHED_MILESTONES] as const]),
    ...(schedule === 'step' ? [] : [['factor', PUBLISHED_FACTOR] as const]),
    ...(published === publishedEpochs ? [] : [['publishedEpochs', PUBLISHED_EPOCHS] as const]),
    ...(schedule.startsWith('explainer-') ? [['warmUpEpochs', 0] as const] : []),
  ].filter(([field, unset]) => String(train[field]) !== String(unset));
  const falls = milestones.every((at, i) => at > (milestones[i - 1] ?? 0) && at <= published);
  const ends = schedule === 'explainer-soft' || schedule === 'cosine';
  return [
    ...unread.map(([field]) =>
      problem(field, `is set, but the schedule "${schedule}" does not read it; allowed: none`),
    ),
    ...(schedule !== 'step' || falls
      ? []
      : [
          problem(
            'milestones',
            `found ${milestones.join(', ')}; allowed: rising, at most ${published}`,
          ),
        ]),
    ...(warmUpEpochs < published
      ? []
      : [problem('warmUpEpochs', `found ${warmUpEpochs}; allowed: less than ${published}`)]),
    // Beyond its end the rate of these would be negative, or rise again.
    ...(!scale && ends && epochs > published
      ? [problem('epochs', `found ${epochs} with "scale": false; allowed: at most ${published}`)]
      : []),
  ];
}
