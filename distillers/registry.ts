import { ab } from './ab.ts';
import { at } from './at.ts';
import { binary_ce } from './binary_ce.ts';
import { binary_kd } from './binary_kd.ts';
import { cc } from './cc.ts';
import { ce } from './ce.ts';
import type { Distiller } from './contract.ts';
import { crd } from './crd.ts';
import { ctkd } from './ctkd.ts';
import { dist } from './dist.ts';
import { dkd } from './dkd.ts';
import { fitnet } from './fitnet.ts';
import { fsp } from './fsp.ts';
import { ft } from './ft.ts';
import { kd } from './kd.ts';
import { kdpp } from './kdpp.ts';
import { kdsvd } from './kdsvd.ts';
import { ls } from './ls.ts';
import { lskd } from './lskd.ts';
import { mlkd } from './mlkd.ts';
import { nkd } from './nkd.ts';
import { nst } from './nst.ts';
import { ofd } from './ofd.ts';
import { pkt } from './pkt.ts';
import { reviewkd } from './reviewkd.ts';
import { rkd } from './rkd.ts';
import { rld } from './rld.ts';
import { sdd } from './sdd.ts';
import { simkd } from './simkd.ts';
import { sp } from './sp.ts';
import { srrl } from './srrl.ts';
import { ttm } from './ttm.ts';
import { vid } from './vid.ts';
import { wttm } from './wttm.ts';

/** Every method that a study may name; each is called like its file. */
export const DISTILLERS: readonly Distiller[] = [
  ...[ce, ls, kd, fitnet, at, sp, crd],
  ...[dkd, lskd, dist, ttm, wttm, nkd, rld],
  ...[pkt, rkd, cc, nst, vid, kdsvd],
  ...[fsp, ab, ft],
  ...[srrl, ofd, reviewkd, kdpp, ctkd, sdd, simkd, mlkd],
  ...[binary_ce, binary_kd],
];
