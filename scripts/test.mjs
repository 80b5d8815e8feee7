#!/usr/bin/env node
// npm test: sets everything up, MinIO and the test server included, then checks types, lint, format, the
// import rule (a test) and behaviour. The last line is `N passed, N failed`.
import { join } from 'node:path';
import { ROOT, setUpOrExit } from './setup.mjs';
import { runNode } from './setup/launch.mjs';
import { countTap } from './setup/tap.mjs';

const modules = join(ROOT, 'node_modules');
const CHECKS = [
  { name: 'types', args: [join(modules, 'typescript', 'bin', 'tsc'), '--noEmit'] },
  { name: 'lint', args: [join(modules, 'eslint', 'bin', 'eslint.js'), '.'] },
  { name: 'format', args: [join(modules, 'prettier', 'bin', 'prettier.cjs'), '--check', '.'] },
];
/** What failed is said again at the end, at most so many lines of it. */
const FAILURE_LINES = 80;

process.chdir(ROOT);
const toolchain = await setUpOrExit({ minio: true });
const totals = { passed: 0, failed: 0 };
// Side by side: each of them keeps one core busy.
await Promise.all(
  CHECKS.map(async ({ name, args }) => {
    const passes = (await runNode(toolchain, args)) === 0;
    process.stdout.write(`${passes ? '✔' : '✘'} ${name}\n`);
    totals[passes ? 'passed' : 'failed'] += 1;
  }),
);

const tap = countTap((line) => process.stdout.write(`${line}\n`));
const ava = join(modules, 'ava', 'entrypoints', 'cli.js');
const code = await runNode(toolchain, [ava, '--tap', ...process.argv.slice(2)], {
  stdout: tap.write,
});
const { passed, failed, failures } = tap.end();
for (const line of failures.slice(0, FAILURE_LINES)) process.stdout.write(`${line}\n`);
totals.passed += passed;
totals.failed += failed;
// A run that broke off, or found nothing to run, has failed whatever it counted.
if (code !== 0 && failed === 0) totals.failed += 1;
if (passed + failed === 0) totals.failed += 1;
process.exitCode = totals.failed === 0 ? 0 : 1;
process.stdout.write(`${totals.passed} passed, ${totals.failed} failed\n`);
