/** U+2212, the minus sign; a hyphen is shorter and lower than a plus. */
const MINUS = '\u2212';
/** U+202F, narrow no-break space: groups digits and ties a unit to its number. */
const THIN = '\u202f';
/** What stands for a number that is not there. */
export const NOTHING = '–';

/** A number with fixed decimals, true minus and thin groups of three; an en dash for NaN. */
export function fixed(value: number, decimals: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  const text = Math.abs(value).toFixed(decimals);
  const sign = value < 0 && Number(text) !== 0 ? MINUS : '';
  const [whole = '', fraction] = text.split('.');
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, THIN) : whole;
  return sign + (fraction === undefined ? grouped : `${grouped}.${fraction}`);
}

/** The same with a plus in front of positive values: for differences. */
export function signed(value: number, decimals: number): string {
  const text = fixed(value, decimals);
  return value > 0 && Number(value.toFixed(decimals)) !== 0 ? `+${text}` : text;
}

/** Mean ± standard deviation; the mean alone where there is no deviation. */
export function meanSd(mean: number, deviation: number, decimals: number): string {
  const centre = fixed(mean, decimals);
  return Number.isFinite(deviation) ? `${centre} ± ${fixed(deviation, decimals)}` : centre;
}

export function interval(low: number, high: number, decimals: number): string {
  if (!Number.isFinite(low) || !Number.isFinite(high)) return NOTHING;
  return `${signed(low, decimals)} … ${signed(high, decimals)}`;
}

/** A p value to two significant places, never as zero. */
export function pValue(p: number): string {
  if (!Number.isFinite(p)) return NOTHING;
  if (p < 0.001) return '< 0.001';
  return p < 0.1 ? p.toFixed(3) : p.toFixed(2);
}

export function bytes(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (value >= 1e9) return `${fixed(value / 1e9, 1)}${THIN}GB`;
  if (value < 1e6) return `${fixed(value / 1e3, 0)}${THIN}kB`;
  return `${fixed(value / 1e6, 0)}${THIN}MB`;
}

export function seconds(value: number): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (value < 100) return `${fixed(value, 1)}${THIN}s`;
  const minutes = value / 60;
  return minutes < 100 ? `${fixed(minutes, 1)}${THIN}min` : `${fixed(minutes / 60, 1)}${THIN}h`;
}

/** A count of scalars or multiply-adds: 2.99 M, 12.51 M, 175 k. */
export function magnitude(value: number): string {
  if (value >= 1e9) return `${fixed(value / 1e9, 2)}${THIN}G`;
  if (value >= 1e6) return `${fixed(value / 1e6, 2)}${THIN}M`;
  if (value >= 1e3) return `${fixed(value / 1e3, 1)}${THIN}k`;
  return fixed(value, 0);
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

/** Small counts as words, with the noun in its number: `three seeds`. */
export function counted(count: number, singular: string, plural = `${singular}s`): string {
  return `${inWords(count)} ${count === 1 ? singular : plural}`;
}

export function inWords(count: number): string {
  return WORDS[count] ?? fixed(count, 0);
}

export function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** For a name that begins sentences, within one. */
export function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

/** `a`, `a and b`, `a, b and c`. */
export function listed(items: readonly string[]): string {
  if (items.length < 2) return items.join('');
  return `${items.slice(0, -1).join(', ')} and ${items.at(-1)}`;
}

/** Enough of a digest to find it by. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 12);
}
