import { join } from 'node:path';
import test from 'ava';
import { drawInProcess } from '../../../bin/worker/report-process.ts';
import { ROOT } from '../../../environment/root.ts';

const INPUT = { resolved: 'a'.repeat(64) };
const summary = { page: 'reports/a/index.html', markdown: 'reports/a/report.md', files: [] };

/** A report drawn by a process that runs `script`. */
const drawBy = (script: string, signal = new AbortController().signal) =>
  drawInProcess({ command: [process.execPath, '-e', script], environment: {} })(INPUT, signal);

test('a process reads what to draw and answers where the report is', async (t) => {
  const script = `let input = '';
    process.stdin.on('data', (part) => (input += part));
    process.stdin.on('end', () => {
      const { resolved } = JSON.parse(input);
      const summary = { ...${JSON.stringify(summary)}, page: resolved };
      process.stdout.write(JSON.stringify({ summary }));
    });`;
  t.deepEqual(await drawBy(script), { ...summary, page: INPUT.resolved });
});

test('an error of ours crosses the process; any other end is an error to be retried', async (t) => {
  const answer = JSON.stringify({ code: 'DataMismatch', message: 'blob x is damaged' });
  await t.throwsAsync(drawBy(`process.stdout.write(${JSON.stringify(answer)})`), {
    name: 'KdxError',
    message: 'blob x is damaged',
  });
  await t.throwsAsync(drawBy(`console.error('out of memory'); process.exit(7)`), {
    name: 'Error',
    message: /ended with exit code 7: out of memory$/,
  });
  await t.throwsAsync(drawBy(`process.kill(process.pid, 'SIGKILL')`), {
    message: /ended with SIGKILL/,
  });
});

test('a cancelled drawing ends its process', async (t) => {
  const controller = new AbortController();
  const drawing = drawBy('setInterval(() => undefined, 1000)', controller.signal);
  setTimeout(() => controller.abort(), 300);
  await t.throwsAsync(drawing, { name: 'AbortError' });
});

test('the real program names what is missing in its environment', async (t) => {
  const draw = drawInProcess({
    command: [process.execPath, join(ROOT, 'bin/reporter.ts')],
    environment: {},
  });
  await t.throwsAsync(draw(INPUT, new AbortController().signal), {
    name: 'KdxError',
    message: /^KDX_S3_ENDPOINT: not set/,
  });
});
