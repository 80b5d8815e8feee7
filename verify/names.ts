/** What a section of a study is of, and the part of a trial's id that is a seed. */
const SECTIONS: Readonly<Record<string, { readonly of: string; readonly seedAt: number }>> = {
  teacher: { of: 'teacher', seedAt: 3 },
  explain: { of: 'arm', seedAt: 1 },
  sweep: { of: 'student', seedAt: 2 },
};

const SEED_KINDS: Readonly<Record<string, string>> = { s: 'seed', d: 'data seed' };

/** A trial's id as one says it: `student resnet8 · KD · seed 1029` for `sweep/resnet8/KD/s1029`. */
export function trialName(id: string): string {
  const [section = '', ...parts] = id.split('/');
  const { of = section, seedAt } = SECTIONS[section] ?? {};
  return `${of} ${parts.map((part, i) => (i === seedAt ? seedName(part) : part)).join(' · ')}`;
}

function seedName(part: string): string {
  const kind = SEED_KINDS[part.charAt(0)];
  return kind === undefined ? part : `${kind} ${part.slice(1)}`;
}

const FILE_NAMES: Readonly<Record<string, string>> = {
  epochs: 'epoch log',
  logits: 'index of logits',
};

/** A file of a result as one says it. */
export function fileName(file: string): string {
  return FILE_NAMES[file] ?? file;
}
