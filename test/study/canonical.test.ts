import { createHash } from 'node:crypto';
import test from 'ava';
import canonicalize from 'canonicalize';
import fc from 'fast-check';
import { canonicalJson, digestJson } from '../../study/canonical.ts';

test('member order and absent members do not change the text', (t) => {
  t.is(canonicalJson({ b: 1, a: { d: [1, 'x'], c: undefined } }), '{"a":{"d":[1,"x"]},"b":1}');
});

test('canonical text reads back as the same value', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      return canonicalJson(JSON.parse(text)) === text;
    }),
  );
  t.pass();
});

test('the text is that of RFC 8785, as another implementation writes it', (t) => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => canonicalJson(value) === canonicalize(value)),
    { numRuns: 1000 },
  );
  t.pass();
});

test('a digest is the sha256 of the canonical text', (t) => {
  const value = { name: 'é', list: [1.5, -0.25, 1e21] };
  const expected = createHash('sha256').update(canonicalJson(value)).digest('hex');
  t.is(digestJson(value), expected);
});

test('a value without a JSON form is refused by its path', (t) => {
  t.throws(() => canonicalJson({ a: [0, Number.NaN] }), { message: /^\$\.a\[1\]: NaN/ });
  t.throws(() => canonicalJson({ f: () => 0 }), { message: /^\$\.f: a function/ });
});
