import test from 'ava';

import { isBmp, readBmp } from '../../formats/bmp.ts';

type Made = {
  readonly width: number;
  readonly height: number;
  readonly bits: number;
  readonly packing?: number;
  /** After the header of 40 bytes: palette or masks. */
  readonly tables?: readonly number[];
  readonly colours?: number;
  /** Rows as they stand in the file, without padding. */
  readonly rows: readonly (readonly number[])[];
};

function bmp({
  width,
  height,
  bits,
  packing = 0,
  tables = [],
  colours = 0,
  rows,
}: Made): Uint8Array {
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54 + tables.length, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(height, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  header.writeUInt32LE(packing, 30);
  header.writeUInt32LE(colours, 46);
  const padded = rows.flatMap((row) => [
    ...row,
    ...Array<number>((4 - (row.length % 4)) % 4).fill(0),
  ]);
  return Buffer.concat([header, Buffer.from(tables), Buffer.from(padded)]);
}

const pixels = (bytes: Uint8Array): readonly number[] => [...readBmp(bytes, 'x').pixels];

// Two pixels a row: red, green; blue, white.
const WANTED = [255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255];
const PALETTE = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0];
const SIZE = { width: 2, height: 2 };

test('bitmaps of every depth are read, upwards and downwards', (t) => {
  const files: readonly Uint8Array[] = [
    bmp({
      ...SIZE,
      bits: 24,
      rows: [
        [255, 0, 0, 255, 255, 255],
        [0, 0, 255, 0, 255, 0],
      ],
    }),
    bmp({
      width: 2,
      height: -2,
      bits: 24,
      rows: [
        [0, 0, 255, 0, 255, 0],
        [255, 0, 0, 255, 255, 255],
      ],
    }),
    bmp({
      ...SIZE,
      bits: 32,
      rows: [
        [255, 0, 0, 9, 255, 255, 255, 9],
        [0, 0, 255, 9, 0, 255, 0, 9],
      ],
    }),
    bmp({
      ...SIZE,
      bits: 8,
      colours: 4,
      tables: PALETTE,
      rows: [
        [2, 3],
        [0, 1],
      ],
    }),
    bmp({ ...SIZE, bits: 4, colours: 4, tables: PALETTE, rows: [[0x23], [0x01]] }),
    bmp({
      ...SIZE,
      bits: 16,
      rows: [
        [0x1f, 0, 0xff, 0x7f],
        [0, 0x7c, 0xe0, 3],
      ],
    }),
    bmp({
      ...{ ...SIZE, bits: 32, packing: 3 },
      tables: [0xff, 0, 0, 0, 0, 0xff, 0, 0, 0, 0, 0xff, 0],
      rows: [
        [0, 0, 255, 0, 255, 255, 255, 0],
        [255, 0, 0, 0, 0, 255, 0, 0],
      ],
    }),
  ];
  for (const bytes of files) {
    t.true(isBmp(bytes));
    t.like(readBmp(bytes, 'x'), SIZE);
    t.deepEqual(pixels(bytes), WANTED);
  }
  const black = [0, 0, 0, 0, 255, 255, 255, 0];
  const one = bmp({ ...SIZE, bits: 1, colours: 2, tables: black, rows: [[0x40], [0x80]] });
  t.deepEqual(pixels(one), [255, 255, 255, 0, 0, 0, 0, 0, 0, 255, 255, 255]);
});

test('a bitmap that is cut short, packed or odd is refused', (t) => {
  const whole = bmp({
    ...SIZE,
    bits: 24,
    rows: [
      [1, 2, 3, 4, 5, 6],
      [1, 2, 3, 4, 5, 6],
    ],
  });
  for (const [bytes, why] of [
    [whole.subarray(0, 20), /^x: bitmap: cut short: 20 bytes; wanted at least 54/],
    [whole.subarray(0, whole.length - 1), /cut short: 69 bytes; wanted 70/],
    [bmp({ ...SIZE, bits: 8, packing: 1, rows: [] }), /packing 1; allowed: none/],
    [bmp({ ...SIZE, bits: 7, rows: [] }), /7 bits a pixel; allowed: 1, 4, 8, 16, 24, 32/],
    [bmp({ width: 0, height: 2, bits: 24, rows: [] }), /0 × 2 pixels/],
    [bmp({ width: 1e6, height: 1e6, bits: 24, rows: [] }), /pixels; allowed/],
    [
      bmp({
        ...SIZE,
        bits: 8,
        colours: 4,
        tables: PALETTE,
        rows: [
          [2, 4],
          [0, 1],
        ],
      }),
      /a pixel of colour 4; allowed: 0 to 3/,
    ],
    [
      bmp({
        ...SIZE,
        bits: 8,
        rows: [
          [2, 4],
          [0, 1],
        ],
      }),
      /a palette of 256 colours/,
    ],
  ] as const) {
    t.throws(() => readBmp(bytes, 'x'), { code: 'DataMismatch', message: why });
  }
});
