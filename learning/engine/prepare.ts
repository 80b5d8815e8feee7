/** For its effect alone: it stands in front of the library in the order of imports. */
import { prepareToLoad } from './environment.ts';

prepareToLoad();
