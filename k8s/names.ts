import { createHash } from 'node:crypto';
import { launchName, type Leg } from '../leg/spec.ts';

/** Domain of our labels and annotations. */
const DOMAIN = 'kdx.dev';

export const LABELS = {
  managedBy: 'app.kubernetes.io/managed-by',
  study: `${DOMAIN}/study`,
  trial: `${DOMAIN}/trial`,
  kind: `${DOMAIN}/kind`,
  key: `${DOMAIN}/key`,
  run: `${DOMAIN}/run`,
} as const;

export const MANAGER = 'kdexplainer';

/** Selects every Job and pod of ours in a namespace. */
export const SELECTOR = `${LABELS.managedBy}=${MANAGER}`;

/** Whole texts that labels cannot hold. */
export const ANNOTATIONS = {
  /** Digest of the leg: a Job of the same name with another one is a defect. */
  leg: `${DOMAIN}/leg`,
  key: `${DOMAIN}/key`,
  trial: `${DOMAIN}/trial`,
  /** Where it was to run: what the operator calls it. */
  flavour: `${DOMAIN}/flavour`,
} as const;

/** `kdx-<kind>-<key, 16>-<run, 8>-n<launch>`: the same for every retry of the activity. */
export function jobName(leg: Leg): string {
  return `kdx-${launchName(leg)}`;
}

/** A selector for all Jobs that compute one key, of whatever run or launch. */
export function keySelector(key: string): string {
  return `${SELECTOR},${LABELS.key}=${key.slice(0, 16)}`;
}

const MAX_LABEL = 63;
const HASH_DIGITS = 8;

/**
 * Any text as the value of a label: other characters become `_`; what is too long, or has been changed,
 * ends in a hash, so that two texts never become the same label.
 */
export function labelValue(text: string): string {
  const plain = text.replaceAll(/[^A-Za-z0-9._-]/g, '_').replace(/^[^A-Za-z0-9]+/, '');
  if (plain === text && text.length <= MAX_LABEL && /[A-Za-z0-9]$/.test(text)) return text;
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_DIGITS);
  const head = plain.slice(0, MAX_LABEL - HASH_DIGITS - 1);
  return head === '' ? hash : `${head}-${hash}`;
}
