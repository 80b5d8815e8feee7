/** Of a study among others. */
export const PRIORITIES = ['high', 'normal', 'low'] as const;

export type StudyPriority = (typeof PRIORITIES)[number];
