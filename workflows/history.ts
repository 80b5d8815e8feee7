import { workflowInfo } from '@temporalio/workflow';

/** Whether the history of a run has grown so long that it should go on in another one. */
export type HistoryWatch = {
  /** It goes on in another run as soon as nothing is under way. */
  isLong(): boolean;
  /** Nothing more may be started. */
  isFull(): boolean;
};

/** A run that starts nothing more once the server suggests another one. */
export function watchHistory(): HistoryWatch {
  const isLong = (): boolean => workflowInfo().continueAsNewSuggested;
  return { isLong, isFull: isLong };
}

/**
 * A run whose children take long to end: it starts further ones until its history is twice as long as
 * where the server first suggested another run, which is a fifth of what the server allows.
 */
export function watchHistoryPatiently(): HistoryWatch {
  let suggestedAt: number | undefined;
  const isLong = (): boolean => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    if (continueAsNewSuggested) suggestedAt ??= historyLength;
    return suggestedAt !== undefined;
  };
  return {
    isLong,
    isFull: () => isLong() && workflowInfo().historyLength >= 2 * (suggestedAt ?? 0),
  };
}
