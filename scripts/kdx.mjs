#!/usr/bin/env node
// The command line of kdx, set up where need be: node scripts/kdx.mjs --help
import { join } from 'node:path';
import { ROOT, setUpOrExit } from './setup.mjs';
import { runNode } from './setup/launch.mjs';
import { withoutNotices } from './setup/notices.mjs';
import { readToolchain } from './setup/toolchain.mjs';

/**
 * They look at a stack or end it, and must do so whatever has become of the checkout since it was
 * started: set-up would want to replace packages that the stack uses.
 */
const AS_IT_IS = ['down', 'status', 'env'];

const args = process.argv.slice(2);
const present = AS_IT_IS.includes(args[0] ?? '') ? await readToolchain(ROOT) : undefined;
const toolchain = present ?? (await setUpOrExit());
// It computes in its own process, whose library has its say on the same stream.
const stderr =
  args[0] === 'verify' ? withoutNotices((text) => process.stderr.write(text)) : 'inherit';
process.exitCode = await runNode(toolchain, [join(ROOT, 'bin', 'kdx.ts'), ...args], { stderr });
