import test from 'ava';
import { namedIn } from '../../../stores/garbage/names.ts';
import { digestJson } from '../../../study/canonical.ts';

const [one, two, three] = [1, 2, 3].map((n) => digestJson(n)) as [string, string, string];
const named = (text: string): Readonly<Record<string, boolean>> =>
  Object.fromEntries(namedIn(Buffer.from(text)).map(({ digest, isLeaf }) => [digest, isLeaf]));

test('weights name nothing further; logits and what is unknown may', (t) => {
  const files = { weights: { digest: one }, logits: { digest: two } };
  t.deepEqual(named(JSON.stringify({ files, newcomer: [three] })), {
    ...{ [one]: true, [two]: false, [three]: false },
  });
});

test('a digest that stands in two places is followed where one of them may name others', (t) => {
  t.deepEqual(named(JSON.stringify({ weights: one, teacher: one })), { [one]: false });
});

test('members of a list of files name nothing further', (t) => {
  t.deepEqual(named(JSON.stringify({ files: [{ name: 'a', digest: one }] })), { [one]: true });
});

test('what is no JSON, or is cut short, names every digest in it, and longer hex is none', (t) => {
  const page = `<a href="${one}.html">${two}</a> ${one}${two}`;
  t.deepEqual(named(page), { [one]: false, [two]: false });
  t.deepEqual(named(`{"files":{"weights":{"digest":"${three}"`), { [three]: false });
});
