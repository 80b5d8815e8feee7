import test from 'ava';
import { compareResults } from '../../verify/check.ts';

const digest = (letter: string): string => letter.repeat(64);
const stored = {
  metrics: { 'test.top1': 93.4, 'test.nll': 0.2181 },
  files: { evaluation: { digest: digest('a'), bytes: 900 } },
};

test('the same metrics and files are equal', (t) => {
  const compared = compareResults(stored, structuredClone(stored), true);
  t.is(compared.verdict, 'equal');
  t.regex(compared.detail, /2 metrics and evaluation aaaaaaaaaaaa/);
});

test('a whole result is equal to what was recomputed of it', (t) => {
  const whole = { schema: 1, key: digest('c'), status: 'complete', ...stored };
  t.is(compareResults(whole, stored, true).verdict, 'equal');
});

test('one last bit is a difference on the same class of device', (t) => {
  const fresh = { ...stored, metrics: { ...stored.metrics, 'test.nll': 0.2181 + 2 ** -54 } };
  const compared = compareResults(stored, fresh, true);
  t.is(compared.verdict, 'different');
  t.regex(compared.detail, /^test\.nll is 0\.2181, recomputed 0\.2181/);
});

test('a file that differs is named though the metrics agree', (t) => {
  const fresh = { ...stored, files: { evaluation: { digest: digest('b'), bytes: 900 } } };
  const compared = compareResults(stored, fresh, true);
  t.is(compared.verdict, 'different');
  t.regex(compared.detail, /^file evaluation is a{64}, recomputed b{64}/);
});

test('another class of device may round, and may not be off by points', (t) => {
  const rounded = { ...stored, metrics: { 'test.top1': 93.5, 'test.nll': 0.2182 } };
  t.is(compareResults(stored, rounded, false).verdict, 'close');
  const off = { ...stored, metrics: { 'test.top1': 92.1, 'test.nll': 0.2181 } };
  t.is(compareResults(stored, off, false).verdict, 'different');
});

test('a metric that is missing is a difference on any device', (t) => {
  const fresh = { ...stored, metrics: { 'test.top1': 93.4 } };
  t.is(compareResults(stored, fresh, false).verdict, 'different');
});
