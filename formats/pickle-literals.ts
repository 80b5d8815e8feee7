/** The texts that protocol 0 writes values as. */

/** Of `I` and `L`; `00` and `01` are how Python 2 wrote its booleans. */
export function integerOf(
  text: string,
  refuse: (problem: string) => never,
): number | bigint | boolean {
  if (text === '00' || text === '01') return text === '01';
  if (!/^[+-]?\d+$/.test(text)) return refuse(`"${text}" is no integer`);
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : BigInt(text);
}

const ESCAPES: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  a: '\x07',
  b: '\b',
  f: '\f',
  v: '\v',
};

/** Of `S`: a quoted string as Python's `repr` writes it, one character a byte. */
export function bytesLiteral(text: string, refuse: (problem: string) => never): Uint8Array {
  const [, , body] = /^(['"])(.*)\1$/s.exec(text) ?? refuse(`${text.slice(0, 40)} has no quotes`);
  const plain = (body as string).replace(
    /\\(x[0-9a-fA-F]{2}|[0-7]{1,3}|.)/gs,
    (_, escaped: string) => {
      if (/^x[0-9a-fA-F]{2}$/.test(escaped)) return charOf(escaped.slice(1), 16);
      if (/^[0-7]/.test(escaped)) return charOf(escaped, 8);
      return ESCAPES[escaped] ?? escaped;
    },
  );
  return Buffer.from(plain, 'latin1');
}

function charOf(digits: string, base: number): string {
  return String.fromCharCode(parseInt(digits, base) & 0xff);
}

/** Of `V`: Python's raw-unicode-escape, which knows `\uXXXX` and `\UXXXXXXXX` alone. */
export function textLiteral(text: string): string {
  return text.replace(
    /\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8}))/g,
    (escape, short?: string, long?: string) => {
      const code = parseInt(short ?? long ?? '', 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : escape;
    },
  );
}
