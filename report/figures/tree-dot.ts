import { fixed } from '../format.ts';
import { classAccuracy } from '../tables/measures.ts';
import { ARM_LABELS, type Arm, type Told } from '../trials.ts';

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** A tree in Graphviz's language; pen width by gate weight. */
export function treeDot(
  { seed, trial, explanation }: Told,
  { name }: Arm,
  names: readonly string[],
): string {
  const accuracy = new Map(
    explanation.hard.perClass.map((entry) => [entry.class, classAccuracy(entry)]),
  );
  const nodes = explanation.tree.nodes.map(({ id, kind, level, index }) => {
    if (kind === 'image') return `  ${quoted(id)} [label="image", shape=box];`;
    if (kind === 'expert') return `  ${quoted(id)} [label="${level}.${index + 1}", shape=circle];`;
    const value = accuracy.get(index);
    const score = value === undefined ? 'no test image' : `${fixed(value, 1)} %`;
    const label = `${quoted(names[index] ?? String(index)).slice(0, -1)}\\n${score}"`;
    return `  ${quoted(id)} [label=${label}, shape=plaintext];`;
  });
  const edges = explanation.tree.nodes.flatMap(({ id, parent, weight }) =>
    parent === undefined
      ? []
      : [
          `  ${quoted(parent)} -> ${quoted(id)} [penwidth=${(6 * (weight ?? 1)).toFixed(2)}, weight=${(weight ?? 1).toFixed(4)}];`,
        ],
  );
  return [
    `// ${ARM_LABELS[name]}, seed ${seed}, key ${trial.key ?? 'unknown'}`,
    'digraph tree {',
    '  rankdir=TB;',
    '  edge [arrowhead=none];',
    ...nodes,
    ...edges,
    '}',
    '',
  ].join('\n');
}
