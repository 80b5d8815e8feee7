import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { openBrowser } from '../../../scripts/browser.mjs';
import { drawFixture, seeds } from './document.ts';

/** What the page's own script is given; the DOM is not among the types of a server. */
type Window = { readonly axe: { readonly run: (options: RunOptions) => Promise<AxeResults> } };

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const LOST = { 'sweep/resnet8/KD/s1030': 'diverged', 'sweep/resnet8/CE/s1031': 'failed' } as const;

const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

let browser: Browser;
let folder: string;
const pages: Record<string, string> = {};

test.before(async () => {
  browser = await openBrowser();
  folder = await mkdtemp(join(tmpdir(), 'kdx-report-'));
  const reports = {
    whole: drawFixture(),
    lost: drawFixture(LOST),
    seeds: drawFixture({}, seeds(3)),
  };
  for (const [name, { html }] of Object.entries(reports)) {
    const path = join(folder, `${name}.html`);
    await writeFile(path, html);
    pages[name] = pathToFileURL(path).href;
  }
});

test.after.always(async () => {
  await browser.close();
  await rm(folder, { recursive: true });
});

async function withPage<T>(
  name: string,
  options: BrowserContextOptions,
  use: (page: Page) => Promise<T>,
): Promise<T> {
  const context = await browser.newContext(options);
  try {
    const page = await context.newPage();
    await page.goto(pages[name] ?? '');
    return await use(page);
  } finally {
    await context.close();
  }
}

/** What axe finds: its rules of WCAG 2.2 to AA and its best practices, contrast included. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: AXE });
  const results = await page.evaluate(() =>
    (globalThis as unknown as Window).axe.run({ resultTypes: ['violations'] }),
  );
  if (results.passes.length < 20) throw new Error(`axe ran ${results.passes.length} rules only`);
  return results.violations.map(
    ({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html).join('\n')}`,
  );
}

for (const [how, options] of Object.entries<BrowserContextOptions>({
  'in light': { ...DESKTOP, colorScheme: 'light' },
  'in dark': { ...DESKTOP, colorScheme: 'dark' },
  'on a phone': PHONE,
})) {
  test(`axe finds nothing wrong ${how}`, async (t) => {
    for (const name of ['whole', 'lost', 'seeds']) {
      t.deepEqual(await withPage(name, options, violations), [], name);
    }
  });
}

test('axe does find what is wrong: text of poor contrast and a picture without a name', async (t) => {
  const found = await withPage('whole', DESKTOP, async (page) => {
    await page.addStyleTag({ content: '.lede { color: #ccc !important; }' });
    await page.evaluate(`document.querySelector('svg').removeAttribute('aria-labelledby');
      document.querySelector('svg title').remove();`);
    return violations(page);
  });
  t.true(found.some((text) => text.startsWith('color-contrast')));
  t.true(found.some((text) => text.startsWith('svg-img-alt')));
});

test('a page never scrolls sideways, however narrow', async (t) => {
  for (const width of [320, 390, 768, 1280, 2200]) {
    for (const name of ['whole', 'lost', 'seeds']) {
      const overflow = await withPage(name, { viewport: { width, height: 900 } }, (page) =>
        page.evaluate<number>(
          'document.documentElement.scrollWidth - document.documentElement.clientWidth',
        ),
      );
      t.is(overflow, 0, `${name} at ${width} pixels`);
    }
  }
});

test('no label of a drawing runs into another or out of its drawing', async (t) => {
  const labels = `[...document.querySelectorAll('svg text')].filter((text) => text.getBoundingClientRect().width > 0).length`;
  const clashes = `[...document.querySelectorAll('svg')].flatMap((svg) => {
    const frame = svg.getBoundingClientRect();
    const boxes = [...svg.querySelectorAll('text')].map((text) => ({
      text: text.textContent, box: text.getBoundingClientRect(),
    })).filter(({ box }) => box.width > 0);
    const out = boxes.filter(({ box }) => box.left < frame.left - 2 || box.right > frame.right + 2);
    const over = boxes.flatMap((a, i) => boxes.slice(i + 1).filter((b) =>
      Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left) > 1.5 &&
      Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top) > 5,
    ).map((b) => a.text + ' / ' + b.text));
    return [...out.map(({ text }) => text + ' runs out'), ...over];
  })`;
  for (const name of ['whole', 'lost', 'seeds']) {
    for (const options of [DESKTOP, PHONE]) {
      await withPage(name, options, async (page) => {
        t.true((await page.evaluate<number>(labels)) > 150, 'labels are there to be compared');
        const found = await page.evaluate<string[]>(clashes);
        t.deepEqual(found, [], `${name} at ${options.viewport.width} pixels`);
      });
    }
  }
});

test('the page asks nobody for anything, and its script runs clean', async (t) => {
  const context = await browser.newContext(DESKTOP);
  t.teardown(() => context.close());
  const page = await context.newPage();
  const asked: string[] = [];
  const wrong: string[] = [];
  page.on('request', (request) => asked.push(request.url()));
  page.on('pageerror', (error) => wrong.push(String(error)));
  page.on('console', (message) => wrong.push(message.text()));
  await page.goto(pages['whole'] ?? '', { waitUntil: 'networkidle' });
  await page.locator('#sweep a.n').first().hover();
  t.deepEqual(
    asked.filter((url) => !url.startsWith('data:')),
    [pages['whole']],
  );
  t.deepEqual(wrong, []);
});

test('a number tells its seeds and keys to the pointer and to the keyboard', async (t) => {
  await withPage('whole', DESKTOP, async (page) => {
    const number = page.locator('#sweep a.headline').first();
    const tip = page.locator('#tip');
    await number.hover();
    const told = (await tip.textContent()) ?? '';
    t.regex(told, /mean ± sd of 3 seeds/);
    t.is([...told.matchAll(/sweep\/resnet8\/CE\/s10\d\d · key [0-9a-f]{12} · sha256 /g)].length, 3);
    await page.mouse.move(0, 0);
    t.false(await tip.isVisible());
    await number.focus();
    t.true(await tip.isVisible());
    await page.keyboard.press('Escape');
    t.false(await tip.isVisible());
    await number.click();
    t.regex(page.url(), /#trial-\d+$/);
    t.true(await page.locator(new URL(page.url()).hash).isVisible());
  });
});

test('without scripts titles tell the same', async (t) => {
  await withPage('whole', { ...DESKTOP, javaScriptEnabled: false }, async (page) => {
    const title = await page.locator('#sweep a.headline').first().getAttribute('title');
    t.regex(title ?? '', /mean ± sd of 3 seeds\nsweep\/resnet8\/CE\/s1029 · key /);
  });
});

test('a class is followed through every tree', async (t) => {
  await withPage('whole', DESKTOP, async (page) => {
    await page.locator('#tree-distillation-title').waitFor({ state: 'attached' });
    await page.locator('svg.tree.distillation .leaf.k7 .hit').hover();
    const followed = await page
      .locator('#trees.picked .leaf.on')
      .evaluateAll((leaves) =>
        leaves.map((leaf) => (leaf as unknown as { dataset: { class: string } }).dataset.class),
      );
    t.deepEqual(followed, ['7', '7', '7']);
    await page.mouse.move(0, 0);
    t.is(await page.locator('#trees.picked').count(), 0);
  });
});
