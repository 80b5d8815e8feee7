import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';

import test, { type ExecutionContext } from 'ava';

import { KdxError } from '../../leg/errors.ts';
import { readPickle } from '../../formats/pickle.ts';
import { isPickleGlobal, type Allowed, type PickleRules } from '../../formats/pickle-rules.ts';

const url = new URL('../fixtures/pickle/pickles.json', import.meta.url);
const written = JSON.parse(await readFile(url, 'utf8')) as Record<string, readonly string[]>;

/** A pickle that Python wrote, in every protocol. */
function pickles(name: string): readonly Uint8Array[] {
  return (written[name] ?? []).map((text) => Buffer.from(text, 'base64'));
}

const NOTHING: PickleRules = { allow: () => undefined };

/** Python 3 writes bytes to protocols 0 to 2 as a call. */
const encode: Allowed = { call: ([text]) => Buffer.from(String(text), 'latin1') };
const ofBytes: Allowed = { call: () => new Uint8Array() };
const NAMES = new Map([
  ['_codecs.encode', encode],
  ['__builtin__.bytes', ofBytes],
]);
const BYTES: PickleRules = { allow: (module, name) => NAMES.get(`${module}.${name}`) };

const ascii = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function refused(t: ExecutionContext, bytes: Uint8Array, why: RegExp, rules = NOTHING): void {
  const error = t.throws(() => readPickle(bytes, rules, 'x.pkl'), { instanceOf: KdxError });
  t.is(error?.code, 'DataMismatch');
  t.regex(error?.message ?? '', why);
}

test('all of plain Python is read alike from protocols 0 to 5', (t) => {
  const files = pickles('values');
  t.is(files.length, 6);
  for (const [protocol, bytes] of files.entries()) {
    const { value, end } = readPickle(bytes, BYTES, `protocol ${protocol}`);
    t.is(end, bytes.length);
    const dict = value as ReadonlyMap<string, unknown>;
    t.is(dict.get('none'), null);
    t.deepEqual(dict.get('flags'), [true, false]);
    t.deepEqual(dict.get('numbers'), [
      ...[0, 7, 255, 256, 65535, 65536, -1, 2 ** 31, -(2 ** 31), 2 ** 53 - 1],
      ...[2n ** 70n, -(2n ** 70n)],
    ]);
    t.deepEqual(dict.get('floats'), [0.5, -1e300, Infinity]);
    t.is(dict.get('text'), 'Grüße, 😀\n\\u');
    t.deepEqual([...(dict.get('bytes') as Uint8Array)], [...Array(256).keys()]);
    const [list, empty, tuple, text, none] = dict.get('empty') as readonly unknown[];
    t.deepEqual([list, empty, tuple, text], [[], new Map(), [], '']);
    t.is((none as Uint8Array).length, 0);
    t.false(Object.isFrozen(list));
    t.true(Object.isFrozen(tuple), 'a tuple cannot be appended to');
    t.deepEqual(dict.get('tuples'), [[1], [1, 2], [1, 2, 3], [1, 2, 3, 4]]);
    t.deepEqual(
      dict.get('nested'),
      new Map<unknown, unknown>([
        ['a', [new Map([['b', ['c', [1]]]])]],
        [5, 'five'],
      ]),
    );
    t.deepEqual(dict.get('many'), [...Array(1500).keys()]);
    t.is(dict.get('long text'), 'x'.repeat(300));
    const [one, other] = dict.get('shared') as readonly unknown[];
    t.is(one, other, 'what is shared stays shared');
    t.is(one, dict.get('nested'));
  }
});

test('a pickle that would run a command is refused by the name of the function, and runs nothing', (t) => {
  for (const bytes of pickles('runs')) {
    refused(
      t,
      bytes,
      /^x\.pkl: byte \d+ of the pickle: it names (posix|nt)\.system, which would be/,
    );
  }
  t.false(existsSync('/tmp/kdx-pickle-ran'));
});

test('a class that is not allowed is refused, whichever way it is made', (t) => {
  for (const bytes of pickles('object')) refused(t, bytes, /set|opcode 0x8f/);
  refused(t, ascii('ios\nsystem\n.'), /names os\.system/);
  refused(t, ascii('(ios\nsystem\n.'), /names os\.system/);
  refused(t, ascii('\x80\x04\x8c\x02os\x8c\x06system\x93.'), /names os\.system/);
  refused(t, ascii('\x80\x02cos\nsystem\n)\x81.'), /names os\.system/);
  refused(t, ascii('\x82\x01.'), /opcode 0x82; allowed: plain data of protocols 0 to 5/);
});

test('a name that is a mark alone can be looked at, but not called', (t) => {
  const rules: PickleRules = { allow: () => ({}) };
  const { value } = readPickle(ascii('ctorch\nFloatStorage\n.'), rules, 'x.pkl');
  t.true(isPickleGlobal(value));
  t.like(value, { module: 'torch', name: 'FloatStorage' });
  refused(t, ascii('ctorch\nFloatStorage\n)R.'), /it calls torch\.FloatStorage/, rules);
  refused(t, ascii('ctorch\nFloatStorage\n)\x81.'), /it calls torch\.FloatStorage/, rules);
  refused(t, ascii('K\x01)R.'), /it calls a value/, rules);
});

test('what is allowed is made, filled and given its state by the functions handed in', (t) => {
  const states: unknown[] = [];
  const rules: PickleRules = {
    allow: (module, name) =>
      module === 'collections' && name === 'OrderedDict'
        ? {
            call: () => new Map(),
            build: (value, state) => {
              states.push(state);
              return value;
            },
          }
        : undefined,
  };
  for (const bytes of pickles('ordered')) {
    t.deepEqual(readPickle(bytes, rules, 'x').value, new Map([['a', 1]]));
  }
  readPickle(ascii('ccollections\nOrderedDict\n)R}U\x01aK\x01sb.'), rules, 'x');
  t.deepEqual(states, [new Map([['a', 1]])]);
  refused(t, ascii('}}b.'), /sets the state of a value/, rules);
  refused(t, ascii('ccollections\nOrderedDict\n}b.'), /changes a name/, rules);
});

test('what a function that was handed in throws is refused by the place', (t) => {
  const fails = (): never => {
    throw new TypeError('odd');
  };
  const rules: PickleRules = {
    allow: (_, name) => ({ call: name === 'a' ? fails : () => [], build: fails }),
  };
  refused(t, ascii('cm\na\n)R.'), /^x\.pkl: byte 6 of the pickle: m\.a: odd$/, rules);
  refused(t, ascii('cm\nb\n)RNb.'), /^x\.pkl: byte 8 of the pickle: m\.b: odd$/, rules);
});

test('data outside of the pickle are asked for by their id, and refused where there are none', (t) => {
  const rules: PickleRules = { allow: () => undefined, persistent: (id) => ['kept', id] };
  t.deepEqual(readPickle(ascii('K\x07Q.'), rules, 'x').value, ['kept', 7]);
  t.deepEqual(readPickle(ascii('Pkey\n.'), rules, 'x').value, ['kept', 'key']);
  refused(t, ascii('K\x07Q.'), /refers to data outside of the pickle; allowed: none/);
});

test('strings of Python 2 are latin-1 text; long ones stay bytes of the file', (t) => {
  const { value } = readPickle(
    ascii("\x80\x02]U\x02\xe9\n\x61S'it\\'s \\x00\\\\'\n\x61."),
    NOTHING,
    'x',
  );
  t.deepEqual(value, ['é\n', "it's \0\\"]);
  const long = Buffer.alloc(2 ** 20 + 1, 0xe9);
  const head = Buffer.from([0x80, 2, 0x54, 1, 0, 0x10, 0]);
  const bytes = Buffer.concat([head, long, ascii('.')]);
  const found = readPickle(bytes, NOTHING, 'x').value as Uint8Array;
  t.is(found.length, long.length);
  t.is(found.buffer, bytes.buffer, 'not copied');
});

test('keys of bytes are found by text', (t) => {
  t.deepEqual(readPickle(ascii('}C\x04dataK\x01s.'), NOTHING, 'x').value, new Map([['data', 1]]));
});

test('several pickles of one file are read one behind the other', (t) => {
  const bytes = ascii('K\x01.K\x02.');
  const first = readPickle(bytes, NOTHING, 'x');
  t.deepEqual(first, { value: 1, end: 3 });
  t.deepEqual(readPickle(bytes, NOTHING, 'x', first.end), { value: 2, end: 6 });
});

test('a pickle that is cut short anywhere is refused by the byte', (t) => {
  for (const bytes of pickles('values')) {
    for (const length of [0, 1, 2, 3, 40, 400, bytes.length - 1]) {
      refused(t, bytes.subarray(0, length), /^x\.pkl: byte \d+ of the pickle: /, BYTES);
    }
  }
  refused(t, ascii('T\xff\xff\xff\x7fab.'), /byte 5 .*2147483647 bytes are wanted, 3 are left/);
});

test('what no writer makes is refused', (t) => {
  const bad: readonly (readonly [string, RegExp])[] = [
    ['.', /0 values are left at the end; allowed: 1/],
    ['K\x01K\x02.', /2 values are left/],
    ['(K\x01.', /values are left/],
    ['a.', /the stack is empty/],
    ['K\x01(a.', /the stack is empty/],
    ['K\x01(0.', /the stack is empty/],
    ['e.', /there is no mark/],
    ['h\x05.', /memo 5 is empty/],
    [')K\x01a.', /it appends to no list/],
    ['K\x01K\x01a.', /it appends to no list/],
    ['](K\x01K\x02u.', /it sets an item of no dict/],
    ['}(K\x01u.', /a key without a value/],
    ['}]K\x01s.', /a key of a dict is a list/],
    ['}}K\x01s.', /a key of a dict is a dict/],
    ['\x80\x06N.', /protocol 6; allowed: 0 to 5/],
    ['Iabc\n.', /"abc" is no integer/],
    ['Fabc\n.', /"abc" is no number/],
    ['Sabc\n.', /abc has no quotes/],
    ['X\x01\0\0\0\xff.', /no UTF-8/],
    ['\xff', /opcode 0xff/],
  ];
  for (const [text, why] of bad) refused(t, ascii(text), why);
});
