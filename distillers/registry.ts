import { at } from './at.ts';
import { ce } from './ce.ts';
import type { Distiller } from './contract.ts';
import { crd } from './crd.ts';
import { fitnet } from './fitnet.ts';
import { kd } from './kd.ts';
import { ls } from './ls.ts';
import { sp } from './sp.ts';

/** Every method that a study may name; each is called like its file. */
export const DISTILLERS: readonly Distiller[] = [ce, ls, kd, fitnet, at, sp, crd];
