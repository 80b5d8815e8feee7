#!/usr/bin/env node
// npm start: set-up, servers, the digits study, its report.
import { join } from 'node:path';
import { ROOT, setUpOrExit } from './setup.mjs';
import { runNode } from './setup/launch.mjs';

const toolchain = await setUpOrExit();
const args = ['start', ...process.argv.slice(2)];
process.exitCode = await runNode(toolchain, [join(ROOT, 'bin', 'kdx.ts'), ...args]);
