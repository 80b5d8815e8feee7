/** Imported first, it makes the process compute as a leg of one thread does. */
import { configureProcess } from '../../learning/engine/environment.ts';

configureProcess({ threads: 1 });
