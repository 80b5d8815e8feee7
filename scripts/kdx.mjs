#!/usr/bin/env node
// The command line of kdx, set up where need be: node scripts/kdx.mjs --help
import { join } from 'node:path';
import { ROOT, setUpOrExit } from './setup.mjs';
import { runNode } from './setup/launch.mjs';

const toolchain = await setUpOrExit();
process.exitCode = await runNode(toolchain, [
  join(ROOT, 'bin', 'kdx.ts'),
  ...process.argv.slice(2),
]);
