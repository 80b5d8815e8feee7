import type { WorkflowExecutionDescription } from '@temporalio/client';

type Failure = { readonly message?: string | null; readonly cause?: Failure | null };

/** An activity that has failed and is tried again. */
export type Retried = {
  readonly activity: string;
  /** Of the try under way or to come, from 2 on. */
  readonly attempt: number;
  /** Why the last try failed: one line. */
  readonly failure: string;
};

const LONGEST = 240;

/** What a workflow waits for because it failed: nothing else would show it. Pure. */
export function retriedOf({ raw }: Pick<WorkflowExecutionDescription, 'raw'>): readonly Retried[] {
  return (raw.pendingActivities ?? []).flatMap(({ activityType, attempt, lastFailure }) => {
    if (lastFailure === undefined || lastFailure === null) return [];
    const failure = lineOf(lastFailure);
    return [{ activity: activityType?.name ?? 'activity', attempt: Number(attempt ?? 1), failure }];
  });
}

/** One line an activity. */
export function retriedLine({ activity, attempt, failure }: Retried): string {
  return `${activity} failed and is tried again (attempt ${attempt}): ${failure}`;
}

/**
 * Whether it is worth a new line of a log: another failure, or twice as many attempts as before.
 */
export function isNews(before: Retried | undefined, now: Retried): boolean {
  if (before === undefined || before.failure !== now.failure) return true;
  return Math.floor(Math.log2(before.attempt)) < Math.floor(Math.log2(now.attempt));
}

function lineOf(failure: Failure): string {
  const texts: string[] = [];
  for (let cause: Failure | null | undefined = failure; cause; cause = cause.cause) {
    const line = (cause.message ?? '').split('\n')[0] ?? '';
    // Each of our messages ends with that of its cause.
    if (line !== '' && !texts.some((text) => text.includes(line))) texts.push(line);
  }
  return texts.join(': ').slice(0, LONGEST);
}
