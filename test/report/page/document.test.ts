import test from 'ava';
import { reportFixture, studyLike } from '../../fixtures/report/input.ts';
import { renderReport } from '../../../report/render.ts';
import { all, changeTrials, draw, drawFixture, seeds, textOf } from './document.ts';

const VOID = new Set(['area', 'base', 'br', 'col', 'hr', 'img', 'input', 'link', 'meta', 'wbr']);

/** Tags that are closed by another's end or not at all. */
function tornTags(html: string): readonly string[] {
  const open: string[] = [];
  const torn: string[] = [];
  const source = html.replace(/<(script|style)>[\s\S]*?<\/\1>/g, '').replace(/<!doctype html>/, '');
  for (const [tag, slash, name = '', rest = ''] of source.matchAll(
    /<(\/?)([a-zA-Z][\w-]*)((?:[^<>"]|"[^"]*")*)>/g,
  )) {
    if (slash === '/') {
      if (open.pop() !== name) torn.push(tag);
    } else if (!rest.endsWith('/') && !VOID.has(name)) open.push(name);
  }
  return [...torn, ...open];
}

test('the page is one file: it loads nothing', (t) => {
  const { page, html } = drawFixture();
  for (const [selector, attribute] of [
    ['[src]', 'src'],
    ['link[href]', 'href'],
    ['a[href]', 'href'],
    ['image, use', 'href'],
  ] as const) {
    for (const element of all(page, selector)) {
      t.regex(element.getAttribute(attribute) ?? '', /^(#|data:)/, element.outerHTML.slice(0, 120));
    }
  }
  const urls = new Set(
    [...html.matchAll(/\b(?:https?:)?\/\/[\w.]+[^\s"'<]*/g)].map(([url]) => url),
  );
  t.deepEqual([...urls], ['http://www.w3.org/2000/svg'], 'a name space, which nobody fetches');
  t.notRegex(html, /url\(|@import|fetch\(|XMLHttpRequest|import\(/);
});

test('tags are closed in order, ids are unique, and references lead somewhere', (t) => {
  for (const { page, html } of [drawFixture(), drawFixture({}, seeds(3))]) {
    t.deepEqual(tornTags(html), []);
    const ids = all(page, '[id]').map(({ id }) => id);
    t.true(ids.length > 50);
    t.is(new Set(ids).size, ids.length);
    const known = new Set(ids);
    for (const element of all(page, '[href^="#"], [aria-labelledby]')) {
      const wanted =
        element.getAttribute('aria-labelledby') ?? element.getAttribute('href')?.slice(1) ?? '';
      for (const id of wanted.split(' ')) t.true(known.has(id), `#${id}`);
    }
  }
});

test('a page has a language, a title, one main heading and headings in order', (t) => {
  const { page } = drawFixture();
  t.is(page.getAttribute('lang'), 'en');
  t.regex(textOf(page.querySelector('title')), /^Gates are sharper .* · digits$/);
  t.is(all(page, 'h1').length, 1);
  t.is(all(page, 'h3, h4, h5').length, 0);
  t.true(all(page, 'h2').length >= 6);
});

test('every drawing has a title and a description that says what is seen', (t) => {
  const { page } = drawFixture();
  const drawings = all(page, 'svg');
  t.true(drawings.length >= 12);
  for (const svg of drawings) {
    t.is(svg.getAttribute('role'), 'img');
    const [title, description] = ['title', 'desc'].map((name) => textOf(svg.querySelector(name)));
    t.true((title ?? '').length > 8, title);
    t.true((description ?? '').length > 20, description);
  }
  const tree = all(page, 'svg.tree')[0]?.querySelector('desc');
  t.regex(textOf(tree ?? null), /^Classes that end at the same expert: .*Live experts: level 1/);
});

const HOSTILE = `</title></script><script>alert(1)</script><img src=x onerror=alert(2)> "'&\u0000`;

test('text that users and machines wrote stays text', (t) => {
  const study = studyLike((input) => (input.description = HOSTILE));
  const hostile = changeTrials(
    reportFixture(study, { 'sweep/resnet8/CE/s1029': 'failed' }),
    (trial) => ({
      ...trial,
      ...(trial.failure === undefined
        ? {}
        : { failure: { code: HOSTILE, message: `| a | b |\n\n# ${HOSTILE}` } }),
      runs: trial.runs.map((run) => ({
        ...run,
        deviceClass: { ...run.deviceClass, model: HOSTILE },
      })),
    }),
  );
  const { page, html, markdown } = draw(hostile);
  t.is(all(page, 'script').length, 1);
  t.is(all(page, 'img').length, 0);
  t.deepEqual(tornTags(html), []);
  t.is(textOf(page.querySelector('.lede')), HOSTILE.replace('\u0000', '\ufffd'));
  for (const element of all(page, '*')) {
    for (const { name } of element.attributes) t.false(name.startsWith('on'), name);
  }
  t.notRegex(markdown, /(^|[^\\])<(script|img)/, 'no live markup in Markdown');
  t.is(
    markdown.split('\n').filter((line) => line.startsWith('# ')).length,
    1,
    'a message cannot begin a heading',
  );
});

test('the same input gives the same bytes, in another process’s words too', (t) => {
  const [first, second] = [1, 2].map(() => renderReport(reportFixture(studyLike())));
  t.deepEqual(first, second);
  const copied = JSON.parse(JSON.stringify(reportFixture(studyLike()))) as Parameters<
    typeof renderReport
  >[0];
  t.deepEqual(renderReport(copied), first, 'nothing hangs on the identity of objects');
});

test('a report does not tell when or where it was drawn', (t) => {
  const input = reportFixture(studyLike());
  const elsewhere = changeTrials(input, (trial) => ({
    ...trial,
    runs: trial.runs.map((run) => ({
      ...run,
      host: 'elsewhere',
      startedAt: '2031-05-05T00:00:00Z',
    })),
  }));
  t.is(renderReport(elsewhere).html, renderReport(input).html);
});

test('names that fit are written into leaves, longer ones upright, and a hundred classes are drawn', (t) => {
  const drawings = (['digits', 'cifar10', 'cifar100'] as const).map((name) =>
    drawFixture({}, (study) => {
      const preset = name === 'digits' ? 'correct' : 'paper';
      study.dataset = { name, preset, split: { validation: 500 } };
    }),
  );
  const leaves = drawings.map(({ page }) => all(page, 'svg.tree.distillation .leaf'));
  t.deepEqual(
    leaves.map(({ length }) => length),
    [10, 10, 100],
  );
  t.deepEqual(
    leaves.map(([first]) => first?.getAttribute('class')?.split(' ').at(-1)),
    ['inside', 'upright', 'upright'],
  );
  t.is(textOf(leaves[1]?.[0]?.querySelector('.name') ?? null).replace(/[\d.]+$/, ''), 'airplane');
  for (const { html } of drawings) t.notRegex(html, /NaN|undefined|Infinity/);
});
