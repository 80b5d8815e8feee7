import type { Machine } from './pickle-machine.ts';
import { isPickleGlobal } from './pickle-rules.ts';
import { bytesLiteral, integerOf, textLiteral } from './pickle-literals.ts';

/** What one opcode does. Numbers and names are those of Python's `pickletools`. */
type Opcode = (machine: Machine) => void;

/** `.`: the end. */
export const STOP = 0x2e;

/** A string of Python 2 may be text or bytes. Nobody wants more than this as text. */
const TEXT_BYTES = 2 ** 20;

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');
}

function utf8(bytes: Uint8Array, { refuse }: Machine): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('a text is no UTF-8');
  }
}

function python2String(bytes: Uint8Array): string | Uint8Array {
  return bytes.length <= TEXT_BYTES ? latin1(bytes) : bytes;
}

type Width = 1 | 2 | 4 | 8;

const takeCounted = ({ reader }: Machine, width: Width): Uint8Array =>
  reader.take(reader.unsigned(width));

function append(machine: Machine, items: readonly unknown[]): void {
  const list = machine.top();
  if (!Array.isArray(list) || Object.isFrozen(list)) return machine.refuse('it appends to no list');
  for (const item of items) list.push(item);
}

function setItems(machine: Machine, items: readonly unknown[]): void {
  const dict = machine.top();
  if (!(dict instanceof Map)) return machine.refuse('it sets an item of no dict');
  fill(machine, dict as Map<unknown, unknown>, items);
}

function fill(machine: Machine, dict: Map<unknown, unknown>, items: readonly unknown[]): void {
  if (items.length % 2 === 1) machine.refuse('a dict has a key without a value');
  for (let i = 0; i < items.length; i += 2) dict.set(keyOf(machine, items[i]), items[i + 1]);
}

function keyOf({ refuse }: Machine, key: unknown): unknown {
  if (key instanceof Uint8Array) return latin1(key);
  if (key instanceof Map) return refuse('a key of a dict is a dict');
  return Array.isArray(key) && !Object.isFrozen(key) ? refuse('a key of a dict is a list') : key;
}

const tuple = (items: readonly unknown[]): readonly unknown[] => Object.freeze([...items]);

/** The last `count` values, the first one first. */
function popMany(machine: Machine, count: number): unknown[] {
  return Array.from({ length: count }, () => machine.pop()).reverse();
}

function memoIndex({ reader, refuse }: Machine): number {
  const text = reader.line();
  return /^\d{1,15}$/.test(text) ? Number(text) : refuse(`memo "${text}" is no number`);
}

/** `module name arguments`: an instance of a class of old, made like any call. */
function instance(machine: Machine, target: unknown, args: readonly unknown[]): void {
  machine.push(machine.call(target, args));
}

const NUMBERS: readonly (readonly [string, Opcode])[] = [
  ['N', (m) => m.push(null)],
  ['\x88', (m) => m.push(true)],
  ['\x89', (m) => m.push(false)],
  ['I', (m) => m.push(integerOf(m.reader.line(), m.refuse))],
  ['L', (m) => m.push(integerOf(m.reader.line().replace(/L$/, ''), m.refuse))],
  ['J', (m) => m.push(m.reader.int32())],
  ['K', (m) => m.push(m.reader.unsigned(1))],
  ['M', (m) => m.push(m.reader.unsigned(2))],
  ['\x8a', (m) => m.push(longOf(takeCounted(m, 1)))],
  ['\x8b', (m) => m.push(longOf(takeCounted(m, 4)))],
  ['F', (m) => m.push(floatOf(m))],
  ['G', (m) => m.push(m.reader.doubleBigEndian())],
];

/** An integer of any length: two's complement, little end first. */
function longOf(bytes: Uint8Array): number | bigint {
  if (bytes.length === 0) return 0;
  const hex = Buffer.from(bytes).reverse().toString('hex');
  const value = BigInt.asIntN(8 * bytes.length, BigInt(`0x${hex}`));
  return Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

function floatOf({ reader, refuse }: Machine): number {
  const text = reader.line();
  const special = { inf: Infinity, '-inf': -Infinity, nan: NaN }[text];
  const value = special ?? (text === '' ? NaN : Number(text));
  return Number.isNaN(value) && text !== 'nan' ? refuse(`"${text}" is no number`) : value;
}

const TEXTS: readonly (readonly [string, Opcode])[] = [
  ['S', (m) => m.push(python2String(bytesLiteral(m.reader.line(), m.refuse)))],
  ['T', (m) => m.push(python2String(takeCounted(m, 4)))],
  ['U', (m) => m.push(python2String(takeCounted(m, 1)))],
  ['V', (m) => m.push(textLiteral(m.reader.line()))],
  ['X', (m) => m.push(utf8(takeCounted(m, 4), m))],
  ['\x8c', (m) => m.push(utf8(takeCounted(m, 1), m))],
  ['\x8d', (m) => m.push(utf8(takeCounted(m, 8), m))],
  ['B', (m) => m.push(takeCounted(m, 4))],
  ['C', (m) => m.push(takeCounted(m, 1))],
  ['\x8e', (m) => m.push(takeCounted(m, 8))],
  ['\x96', (m) => m.push(takeCounted(m, 8))],
];

const CONTAINERS: readonly (readonly [string, Opcode])[] = [
  [']', (m) => m.push([])],
  ['}', (m) => m.push(new Map())],
  [')', (m) => m.push(tuple([]))],
  ['l', (m) => m.push(m.popToMark())],
  ['t', (m) => m.push(tuple(m.popToMark()))],
  ['\x85', (m) => m.push(tuple(popMany(m, 1)))],
  ['\x86', (m) => m.push(tuple(popMany(m, 2)))],
  ['\x87', (m) => m.push(tuple(popMany(m, 3)))],
  [
    'd',
    (m) => {
      const dict = new Map<unknown, unknown>();
      fill(m, dict, m.popToMark());
      m.push(dict);
    },
  ],
  ['a', (m) => append(m, popMany(m, 1))],
  ['e', (m) => append(m, m.popToMark())],
  ['s', (m) => setItems(m, popMany(m, 2))],
  ['u', (m) => setItems(m, m.popToMark())],
];

const STACK: readonly (readonly [string, Opcode])[] = [
  ['\x80', (m) => checkProtocol(m)],
  // A frame announces how many bytes follow: of use to a reader of streams alone.
  ['\x95', (m) => void m.reader.unsigned(8)],
  ['(', (m) => m.mark()],
  ['0', (m) => void m.pop()],
  ['1', (m) => void m.popToMark()],
  ['2', (m) => m.push(m.top())],
  ['p', (m) => m.store(memoIndex(m), m.top())],
  ['q', (m) => m.store(m.reader.unsigned(1), m.top())],
  ['r', (m) => m.store(m.reader.unsigned(4), m.top())],
  ['\x94', (m) => m.memoize()],
  ['g', (m) => m.push(m.recall(memoIndex(m)))],
  ['h', (m) => m.push(m.recall(m.reader.unsigned(1)))],
  ['j', (m) => m.push(m.recall(m.reader.unsigned(4)))],
];

const LATEST_PROTOCOL = 5;

function checkProtocol({ reader, refuse }: Machine): void {
  const protocol = reader.byte();
  if (protocol > LATEST_PROTOCOL) refuse(`protocol ${protocol}; allowed: 0 to ${LATEST_PROTOCOL}`);
}

const NAMES: readonly (readonly [string, Opcode])[] = [
  ['c', (m) => m.push(m.global(m.reader.line(), m.reader.line()))],
  [
    '\x93',
    (m) => {
      const [module, name] = popMany(m, 2);
      m.push(m.global(module, name));
    },
  ],
  ['i', (m) => instance(m, m.global(m.reader.line(), m.reader.line()), m.popToMark())],
  [
    'o',
    (m) => {
      const [target, ...args] = m.popToMark();
      instance(m, target, args);
    },
  ],
  [
    'R',
    (m) => {
      const [target, args] = popMany(m, 2);
      m.push(m.call(target, args));
    },
  ],
  [
    '\x81',
    (m) => {
      const [target, args] = popMany(m, 2);
      m.push(m.call(target, args));
    },
  ],
  [
    'b',
    (m) => {
      const [value, state] = popMany(m, 2);
      m.push(isPickleGlobal(value) ? m.refuse('it changes a name') : m.build(value, state));
    },
  ],
  ['P', (m) => m.push(m.persistent(m.reader.line()))],
  ['Q', (m) => m.push(m.persistent(m.pop()))],
];

export const OPCODES: ReadonlyMap<number, Opcode> = new Map(
  [...NUMBERS, ...TEXTS, ...CONTAINERS, ...STACK, ...NAMES].map(([code, execute]) => [
    code.charCodeAt(0),
    execute,
  ]),
);
