import { fileURLToPath } from 'node:url';

/** The folder of this build: a checkout, or what an image holds of one. */
export const ROOT = fileURLToPath(new URL('../', import.meta.url)).replace(/\/$/, '');
