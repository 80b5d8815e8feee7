#!/usr/bin/env node
// npm run bench: the benchmarks of bench/, on a machine with nothing else to do.
import { join } from 'node:path';
import { ROOT, setUpOrExit } from './setup.mjs';
import { runNode } from './setup/launch.mjs';

const toolchain = await setUpOrExit();
const args = process.argv.slice(2);
process.exitCode = await runNode(toolchain, [join(ROOT, 'bench', 'main.ts'), ...args]);
