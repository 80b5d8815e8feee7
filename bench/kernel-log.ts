/**
 * What oneDNN and our own kernels, which compute most of a step, say of their work with
 * ONEDNN_VERBOSE=1 and KDX_VERBOSE=1.
 */

/** Parts of a step, in the order of a table. */
export const PARTS = [
  'forward convolution',
  'input gradient',
  'kernel gradient',
  'batch norm',
  'pooling',
  'matrix product',
  'reorder',
  'rest',
] as const;
export type Part = (typeof PARTS)[number];

/** `<head>,v1,primitive,exec,cpu,<kind>,<implementation>,<direction>,…,<milliseconds>` */
const HEADS: readonly string[] = ['onednn_verbose', 'kdx_verbose'];
const EXECUTED = 'exec';

function partOf(kind: string, direction: string): Part {
  switch (kind) {
    case 'convolution':
      if (direction === 'backward_data') return 'input gradient';
      return direction === 'backward_weights' ? 'kernel gradient' : 'forward convolution';
    case 'batch_normalization':
      return 'batch norm';
    case 'pooling':
      return 'pooling';
    case 'matmul':
    case 'inner_product':
    case 'gemm_api':
      return 'matrix product';
    case 'reorder':
      return 'reorder';
    default:
      return 'rest';
  }
}

/** One primitive that ran, or `undefined` for a line about something else. */
function parseLine(line: string): { part: Part; milliseconds: number } | undefined {
  const fields = line.split(',');
  const verb = fields.indexOf(EXECUTED);
  const [, , kind, , direction] = fields.slice(verb);
  if (
    !HEADS.includes(fields[0] ?? '') ||
    verb < 0 ||
    kind === undefined ||
    direction === undefined
  ) {
    return undefined;
  }
  return { part: partOf(kind, direction), milliseconds: Number(fields.at(-1)) };
}

/**
 * Shares of the parts in the time of some steps, in [0, 1]. `rest` is what neither did: passes
 * over memory (ReLU gradients, sums), loss and optimiser.
 */
export function sharesOf(log: readonly string[], milliseconds: number): Record<Part, number> {
  const shares = Object.fromEntries(PARTS.map((part) => [part, 0])) as Record<Part, number>;
  for (const line of log) {
    const executed = parseLine(line);
    if (executed !== undefined) shares[executed.part] += executed.milliseconds / milliseconds;
  }
  const named = PARTS.reduce((sum, part) => sum + (part === 'rest' ? 0 : shares[part]), 0);
  return { ...shares, rest: 1 - named };
}
