import test from 'ava';
import fc from 'fast-check';
import { mean, standardDeviation } from '../../statistics/describe.ts';
import { holm } from '../../statistics/holm.ts';
import {
  minimumDetectableEffect,
  minimumDetectableEffectUnpaired,
} from '../../statistics/power.ts';
import { signFlip, signFlipFloor } from '../../statistics/sign-flip.ts';
import { meanInterval, pairedT } from '../../statistics/t-test.ts';

const near = (a: number, b: number, tolerance = 1e-9) => Math.abs(a - b) <= tolerance;

test('mean and sample standard deviation match a worked example', (t) => {
  const values = [2, 4, 4, 4, 5, 5, 7, 9];
  t.is(mean(values), 5);
  t.true(near(standardDeviation(values), Math.sqrt(32 / 7)));
  t.true(Number.isNaN(standardDeviation([3])));
});

test('the t interval of five values uses t(0.975, 4) = 2.7764', (t) => {
  const { low, high } = meanInterval([1, 2, 3, 4, 5]);
  const half = 2.7764451051977987 * Math.sqrt(2.5 / 5);
  t.true(near(low, 3 - half) && near(high, 3 + half));
});

test("the paired t test gives Student's sleep data their published p", (t) => {
  const differences = [1.2, 2.4, 1.3, 1.3, 0, 1.0, 1.8, 0.8, 4.6, 1.4];
  const { p, mean: centre, interval } = pairedT(differences);
  t.true(near(p, 0.00283289, 1e-7));
  t.true(near(centre, 1.58));
  t.true(near(interval.low, 0.7001142, 1e-6) && near(interval.high, 2.4598858, 1e-6));
});

test('equal differences have no error to compare with', (t) => {
  t.is(pairedT([0, 0, 0]).p, 1);
  t.is(pairedT([0.5, 0.5, 0.5]).p, 0);
  t.true(Number.isNaN(pairedT([1]).p));
});

function signFlipByEnumeration(differences: readonly number[]): number {
  const total = (signs: number) =>
    Math.abs(differences.reduce((sum, d, i) => sum + ((signs >> i) & 1 ? -d : d), 0));
  const all = Array.from({ length: 2 ** differences.length }, (_, signs) => total(signs));
  return all.filter((sum) => sum >= total(0) - 1e-9).length / all.length;
}

test('the sign-flip test by halves equals the enumeration of every sign', (t) => {
  const hundredths = fc.integer({ min: -300, max: 300 }).map((i) => i / 100);
  fc.assert(
    fc.property(fc.array(hundredths, { minLength: 1, maxLength: 9 }), (differences) =>
      near(signFlip(differences), signFlipByEnumeration(differences), 1e-12),
    ),
  );
  t.pass();
});

test('the sign-flip test reaches its floor and no less', (t) => {
  t.is(signFlip([1, 2, 3]), 0.25);
  t.is(signFlipFloor(3), 0.25);
  t.is(signFlip([1, 2, 3, 4, 5]), signFlipFloor(5));
  t.is(signFlip([0, 0]), 1);
  t.throws(() => signFlip([]), { instanceOf: RangeError });
});

test("Holm's adjustment matches a worked example, keeps order and skips what has no p", (t) => {
  const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
  [0.03, 0.06, 0.06, 0.02].forEach((p, i) => t.true(near(adjusted[i] ?? -1, p)));
  const withGap = holm([0.02, Number.NaN]);
  t.is(withGap[0], 0.02);
  t.true(Number.isNaN(withGap[1]));
});

test('the minimum detectable effect matches the figures of the protocol', (t) => {
  const smallest = (k: number) =>
    minimumDetectableEffectUnpaired(0.23, k, { alpha: 0.05, power: 0.5 });
  t.true(near(smallest(5), 0.34, 0.005) && near(smallest(10), 0.22, 0.005));
  t.true(near(minimumDetectableEffectUnpaired(0.23, 5), 0.46, 0.01));
  t.true(near(minimumDetectableEffectUnpaired(0.23, 10), 0.3, 0.01));
  t.true(near(minimumDetectableEffect(1, 5), (2.7764451 + 0.9409646) / Math.sqrt(5), 1e-6));
  t.true(Number.isNaN(minimumDetectableEffect(1, 1)));
});
