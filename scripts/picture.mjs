#!/usr/bin/env node
// The picture of the README: headline and trees of a report, as a reader sees them.
//
//   npm start -- --exit                    makes the report
//   node scripts/picture.mjs               .kdx/reports/digits/index.html → docs/images/report.png
//   node scripts/picture.mjs PAGE PNG      another page, another place
//
// Node 24 as `npm run setup` names it; the browser is the one of the tests (browser.mjs).
import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openBrowser } from './browser.mjs';
import { ROOT } from './setup.mjs';

/** Pixels of the picture to one of the page: sharp where it is shown smaller. */
const SCALE = 1.6;
const WIDTH = 1240;
/** Room around what is shown, in pixels of the page. */
const AIR = 24;
/** A picture that a README loads should be small. */
const MOST_BYTES = 400_000;

/** The headline over the whole width; how it was made stands in the page. */
const STYLE = `
  header > * { grid-column: wide !important; text-align: center; }
  .lede, #picture > h2, #trees figcaption { display: none; }`;

const [
  page = join(ROOT, '.kdx', 'reports', 'digits', 'index.html'),
  picture = join(ROOT, 'docs', 'images', 'report.png'),
] = process.argv.slice(2);

const browser = await openBrowser();
try {
  const tab = await browser.newPage({
    viewport: { width: WIDTH, height: 900 },
    deviceScaleFactor: SCALE,
    colorScheme: 'light',
  });
  await tab.goto(pathToFileURL(resolve(page)).href);
  await tab.addStyleTag({ content: STYLE });
  const top = await tab.locator('header .kicker').boundingBox();
  const trees = await tab.locator('#trees').boundingBox();
  if (top === null || trees === null) throw new Error(`${page} is no report with trees`);
  const y = top.y - AIR;
  await tab.screenshot({
    path: picture,
    fullPage: true,
    clip: { x: 0, y, width: WIDTH, height: trees.y + trees.height + AIR - y },
  });
} finally {
  await browser.close();
}
const { size } = await stat(picture);
process.stdout.write(`${picture}: ${Math.round(size / 1000)} kB\n`);
if (size > MOST_BYTES) throw new Error(`${picture} has ${size} bytes; at most ${MOST_BYTES}`);
