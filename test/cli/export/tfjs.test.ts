import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Browser } from 'playwright-core';
import { openBrowser } from '../../../scripts/browser.mjs';
import { apart, exportedFolder, SUBJECTS } from './networks.ts';

/** The build of tfjs for browsers: what a page loads. */
const TFJS = join(
  dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs/package.json')),
  'dist/tf.min.js',
);

/** What a page's own script has; the DOM is not among the types of a server. */
type Page = {
  readonly tf: {
    setBackend(name: string): Promise<boolean>;
    tensor(values: readonly number[], shape: readonly number[]): object;
    loadGraphModel(url: string): Promise<{
      predict(images: object): { array(): Promise<number[][]> };
    }>;
  };
};

let browser: Browser;
test.before(async () => {
  browser = await openBrowser();
});
test.after.always(() => browser.close());

/** Serves a folder on this machine alone; gives its address. */
async function serve(t: ExecutionContext, folder: string): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/') {
      response.setHeader('content-type', 'text/html').end('<!doctype html><title>tfjs</title>');
      return;
    }
    readFile(join(folder, (request.url ?? '').slice(1))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

for (const [name, subject] of Object.entries(SUBJECTS)) {
  test.serial(`a browser computes the logits of ${name}`, async (t) => {
    const { folder, check } = await exportedFolder(t, subject, 'tfjs');
    const page = await browser.newPage();
    await page.goto(await serve(t, folder));
    await page.addScriptTag({ path: TFJS });
    const { images, shape } = JSON.parse(await readFile(join(folder, 'check.json'), 'utf8')) as {
      images: number[];
      shape: number[];
    };
    const logits = await page.evaluate(
      async ({ images, shape }) => {
        const { tf } = globalThis as unknown as Page;
        await tf.setBackend('cpu');
        const network = await tf.loadGraphModel('model.json');
        return network.predict(tf.tensor(images, shape)).array();
      },
      { images, shape },
    );
    await page.close();
    t.true(apart(logits.flat(), check.logits) < 1e-4, String(apart(logits.flat(), check.logits)));
  });
}

test('normalisation, classes, key and digests travel in model.json', async (t) => {
  const { folder } = await exportedFolder(t, { model: 'resnet8' }, 'tfjs');
  const { userDefinedMetadata: facts } = JSON.parse(
    await readFile(join(folder, 'model.json'), 'utf8'),
  ) as { userDefinedMetadata: Record<string, unknown> };
  t.like(facts, {
    normalisation: { mean: [0.5, 0.4, 0.3], sd: [0.25, 0.2, 0.2] },
    ...{ key: 'a'.repeat(64), weights: 'b'.repeat(64) },
    code: { commit: 'c0ffee' },
    input: { name: 'images', layout: 'NHWC' },
  });
  t.is((facts['classNames'] as string[]).length, 10);
  const page = await readFile(join(folder, 'README.md'), 'utf8');
  t.regex(page, /0\.5 0\.4 0\.3 · 0\.25 0\.2 0\.2/);
});
