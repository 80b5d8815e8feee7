import test from 'ava';
import fc from 'fast-check';
import { mean, standardDeviation } from '../../statistics/describe.ts';
import { holm, holmLevels } from '../../statistics/holm.ts';
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

/** The largest p with which test `i` would be rejected, found by trying, through `holm` alone. */
function levelByTrying(pValues: readonly number[], i: number, alpha: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step += 1) {
    const middle = (low + high) / 2;
    const adjusted = holm(pValues.map((p, j) => (j === i ? middle : p)));
    if ((adjusted[i] ?? 1) <= alpha) low = middle;
    else high = middle;
  }
  return low;
}

test("a test's level in Holm's procedure is the largest p with which it is rejected", (t) => {
  const p = fc.oneof(fc.double({ min: 0, max: 0.06, noNaN: true }), fc.constant(Number.NaN));
  fc.assert(
    fc.property(fc.array(p, { minLength: 1, maxLength: 8 }), (pValues) =>
      holmLevels(pValues, 0.05).every((level, i) =>
        Number.isNaN(pValues[i])
          ? Number.isNaN(level)
          : near(level, levelByTrying(pValues, i, 0.05), 1e-9),
      ),
    ),
    { numRuns: 500 },
  );
  t.deepEqual(holmLevels([0.9, 0.001, 0.5], 0.05), [0.05 / 2, 0.05 / 3, 0.05 / 2]);
});

/** Student's t with nine degrees of freedom, in the closed form that odd degrees have. */
function upperTailOfNine(t: number): number {
  const angle = Math.atan(t / 3);
  const cosine = Math.cos(angle);
  const series = cosine + (2 / 3) * cosine ** 3 + (8 / 15) * cosine ** 5 + (16 / 35) * cosine ** 7;
  return (1 - (2 / Math.PI) * (angle + Math.sin(angle) * series)) / 2;
}

function quantileOfNine(upper: number): number {
  let [low, high] = [0, 100];
  for (let step = 0; step < 100; step += 1) {
    const middle = (low + high) / 2;
    if (upperTailOfNine(middle) > upper) low = middle;
    else high = middle;
  }
  return low;
}

test('ten pairs in a family of 7 or 18 find less than ten pairs alone: 0.412 and 0.470, not 0.298', (t) => {
  const deviation = 0.3;
  for (const [family, expected] of [
    [1, 0.298],
    [7, 0.412],
    [18, 0.47],
  ] as const) {
    const [alpha = Number.NaN] = holmLevels(
      Array.from({ length: family }, () => 0.5),
      0.05,
    );
    const effect = minimumDetectableEffect(deviation, 10, { alpha, power: 0.8 });
    const byHand =
      ((quantileOfNine(0.05 / family / 2) + quantileOfNine(0.2)) * deviation) / Math.sqrt(10);
    t.true(near(effect, byHand, 1e-9), `${effect} against ${byHand}`);
    t.is(effect.toFixed(3), expected.toFixed(3));
  }
});

/** Power of the two-sided paired t test of ten pairs, by integrating over their deviation. */
function powerOfTen(effect: number, deviation: number, alpha: number): number {
  const shift = (effect / deviation) * Math.sqrt(10);
  const critical = quantileOfNine(alpha / 2);
  // Density of s/σ with nine degrees of freedom; Γ(4.5) = 11.6317283966.
  const density = (s: number): number =>
    (2 * (4.5 * s * s) ** 4.5 * Math.exp(-4.5 * s * s)) / (s * 11.6317283966);
  const steps = 4000;
  return Array.from({ length: steps }, (_, i) => (3 * (i + 0.5)) / steps).reduce(
    (sum, s) => sum + ((density(s) * 3) / steps) * normal(shift - critical * s),
    0,
  );
}

/** The normal distribution function, by its series around zero. */
function normal(z: number): number {
  if (Math.abs(z) > 8) return z > 0 ? 1 : 0;
  let [term, sum] = [z, z];
  for (let k = 1; k < 200; k += 1) {
    term *= (z * z) / (2 * k + 1);
    sum += term;
  }
  return 0.5 + (sum * Math.exp((-z * z) / 2)) / Math.sqrt(2 * Math.PI);
}

test('the smallest effect is found about four times in five, in a family too', (t) => {
  for (const alpha of [0.05, 0.05 / 7, 0.05 / 18]) {
    const power = powerOfTen(minimumDetectableEffect(0.3, 10, { alpha, power: 0.8 }), 0.3, alpha);
    t.true(power > 0.76 && power < 0.81, `${power} at ${alpha}`);
  }
});
