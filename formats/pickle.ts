import { KdxError } from '../leg/errors.ts';
import { createByteReader } from './byte-reader.ts';
import { createMachine } from './pickle-machine.ts';
import { OPCODES, STOP } from './pickle-opcodes.ts';
import type { PickleRules } from './pickle-rules.ts';

/**
 * Reads a Python pickle as data: protocols 0 to 5, and nothing of it is ever called but what the
 * reader hands in. Python's own reader imports and calls whatever a pickle names, so that opening one
 * is running it; here a name that is not in the table ends the reading.
 *
 * | Python | here |
 * | --- | --- |
 * | None, bool, float | null, boolean, number |
 * | int | number, a bigint beyond 2⁵³ |
 * | str, and Python 2's str of up to 1 MiB, as latin-1 | string |
 * | bytes, bytearray, longer strings of Python 2 | Uint8Array, a view of the file |
 * | list, tuple | array, frozen array |
 * | dict | Map; a key of bytes becomes a string, as latin-1 |
 */

/** A value, and the position behind its last byte: several pickles may follow one another. */
export type Unpickled = { readonly value: unknown; readonly end: number };

/**
 * Reads the pickle that begins at `start`.
 *
 * @param place what the bytes are, for messages
 * @throws KdxError `DataMismatch` naming the place, the byte, what is there and what is allowed
 */
export function readPickle(
  bytes: Uint8Array,
  rules: PickleRules,
  place: string,
  start = 0,
): Unpickled {
  const refuse = (at: number, problem: string): never => {
    throw new KdxError('DataMismatch', `${place}: byte ${at} of the pickle: ${problem}`);
  };
  const reader = createByteReader(bytes, start, (problem) => refuse(reader.position(), problem));
  let at = start;
  const machine = createMachine(reader, rules, (problem) => refuse(at, problem));
  for (;;) {
    at = reader.position();
    const code = reader.byte();
    if (code === STOP) return { value: machine.result(), end: reader.position() };
    const execute = OPCODES.get(code);
    if (execute === undefined) {
      const found = `opcode 0x${code.toString(16).padStart(2, '0')}`;
      return refuse(at, `${found}; allowed: plain data of protocols 0 to 5`);
    }
    execute(machine);
  }
}
