import type { ArmName } from '../../study/catalog.ts';

/** Colours are custom properties of the page: one set for light, one for dark. */
export const ARM_COLORS: Readonly<Record<ArmName, string>> = {
  'hard-label': 'var(--hard-label)',
  'label-smoothing': 'var(--label-smoothing)',
  distillation: 'var(--distillation)',
};

/** Names that fit at the end of a line. */
export const ARM_SHORT: Readonly<Record<ArmName, string>> = {
  'hard-label': 'hard',
  'label-smoothing': 'smoothed',
  distillation: 'distilled',
};

const SERIES = ['var(--s0)', 'var(--s1)', 'var(--s2)', 'var(--s3)', 'var(--s4)', 'var(--s5)'];

/** Colour of the method at a position of the study. */
export function methodColor(position: number): string {
  return SERIES[position % SERIES.length] ?? 'currentColor';
}
