import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';
import ts from 'typescript';

import { ROOT } from '../../environment/root.ts';
import { codeIndexOfBuild } from '../../learning/code/build.ts';
import { importsOf } from '../../learning/code/imports.ts';
import { computeCodeIndex } from '../../learning/code.ts';
import { KdxError } from '../../leg/errors.ts';
import { codeUseOf, type CodeIndex } from '../../study/code.ts';
import { bindTrial, expandStudy } from '../../study/plan/plan.ts';
import { resolveStudy } from '../../study/resolve.ts';
import type { Study, StudyInput } from '../../study/schema.ts';
import { filesUnder } from '../files.ts';

const DISTILLERS = existsSync(join(ROOT, 'distillers')) ? 'distillers' : 'learning/distillers';
const ROOMS = ['learning', 'study', 'leg', 'distillers'].filter((room) =>
  existsSync(join(ROOT, room)),
);

/** A tree of the sources of the test's own, to plant edits in. */
function copyOfSources(t: ExecutionContext): string {
  const root = mkdtempSync(join(tmpdir(), 'kdx-code-'));
  t.teardown(() => {
    rmSync(root, { recursive: true });
  });
  for (const room of ROOMS) cpSync(join(ROOT, room), join(root, room), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(root, 'package.json'));
  symlinkSync(join(ROOT, 'node_modules'), join(root, 'node_modules'));
  return root;
}

/** The index as a process of that tree computes it: with the tree's own numbers of the models. */
function indexOf(root: string): CodeIndex {
  const program =
    "const { computeCodeIndex } = await import('./learning/code.ts');" +
    'process.stdout.write(JSON.stringify(computeCodeIndex(process.cwd())));';
  const options = { cwd: root, encoding: 'utf8' } as const;
  const text = execFileSync(process.execPath, ['--input-type=module', '-e', program], options);
  return JSON.parse(text) as CodeIndex;
}

function study(): Study {
  const train = { epochs: 2, optimizer: { name: 'sgd' } } as const;
  const stage1 = { ...train, optimizer: { name: 'adam' }, schedule: 'explainer-soft' } as const;
  const input: StudyInput = {
    name: 'code',
    dataset: { name: 'digits' },
    seeds: { init: [1], data: [1] },
    teacher: { cache: 'logits' },
    teachers: [{ id: 'T', model: { name: 'resnet14' }, train }],
    explain: {
      arms: ['label-smoothing'],
      stage1,
      stage2: { ...train, schedule: 'explainer-hard' },
    },
    sweep: {
      students: [{ name: 'resnet8' }, { name: 'resnet8x4' }, { name: 'wrn_16_1' }],
      methods: [
        { id: 'CE', distillers: [{ name: 'ce' }] },
        { id: 'LS', distillers: [{ name: 'ls' }] },
        { id: 'KD', distillers: [{ name: 'kd' }] },
        { id: 'KD+VAM', distillers: [{ name: 'kd' }], vam: {} },
        { id: 'SP', distillers: [{ name: 'sp' }] },
      ],
      train,
    },
  };
  const resolution = resolveStudy(input);
  if (!resolution.ok) throw new TypeError(JSON.stringify(resolution.problems));
  return resolution.study;
}

/** Trials whose own code differs, whatever they need of others. */
function changed(before: CodeIndex, after: CodeIndex): string[] {
  const keys = (code: CodeIndex): Map<string, string> => {
    const nodes = expandStudy(study(), { datasetDigest: 'd', code });
    const handedOn = new Map(nodes.map(({ id }) => [id, id]));
    return new Map(nodes.map((node) => [node.id, bindTrial(node, handedOn).key]));
  };
  const old = keys(before);
  return [...keys(after)].filter(([id, key]) => old.get(id) !== key).map(([id]) => id);
}

const ALL = expandStudy(study(), { datasetDigest: 'd', code: computeCodeIndex(ROOT) });
const whose = (accept: (id: string, kind: string) => boolean): string[] =>
  ALL.filter(({ id, kind }) => accept(id, kind)).map(({ id }) => id);
const EVERY = whose(() => true);
const TRAININGS = whose((_, kind) => kind === 'train');

type Plant = (root: string) => void;

function replaced(
  path: string,
  from: string | RegExp,
  to: string | ((match: string) => string),
): Plant {
  return (root) => {
    const file = join(root, path);
    const before = readFileSync(file, 'utf8');
    const after = typeof to === 'string' ? before.replace(from, to) : before.replace(from, to);
    if (after === before) throw new TypeError(`${path} has no ${String(from)} to replace`);
    writeFileSync(file, after);
  };
}
const appended = (path: string, text = '\n// Another line.\n'): Plant => replaced(path, /$/, text);
const added = (path: string, text: string): Plant => {
  return (root) => {
    writeFileSync(join(root, path), text);
  };
};

const PLANTED: readonly (readonly [string, Plant, readonly string[]])[] = [
  [
    'the widths of resnet8x4',
    replaced('study/models/resnet.ts', 'stages: [64, 128, 256]', 'stages: [32, 64, 128]'),
    whose((id) => id.includes('/resnet8x4/')),
  ],
  [
    'how a ResNet is built',
    appended('learning/models/resnet.ts'),
    // A teacher whose logits are read is run by its teach leg alone.
    whose(
      (id, kind) =>
        id.startsWith('teacher/') ||
        kind === 'explain' ||
        (id.startsWith('sweep/') && (id.includes('/resnet') || kind === 'evaluate')) ||
        id.includes('/SP/'),
    ),
  ],
  [
    'cross-entropy, which label smoothing and the conflict rate call',
    appended(`${DISTILLERS}/ce.ts`),
    whose(
      (id, kind) =>
        kind === 'explain' ||
        (kind === 'train' && (/\/(CE|LS)\//.test(id) || /^(teacher|explain)\//.test(id))),
    ),
  ],
  [
    'the default of an option of kd',
    replaced(`${DISTILLERS}/kd.ts`, /default\(4\)|TEMPERATURE = 4/, (match) =>
      match.replace('4', '5'),
    ),
    whose((id, kind) => kind === 'train' && id.includes('/KD')),
  ],
  ['VAM', appended('learning/models/vam.ts'), whose((id) => id.includes('/KD+VAM/'))],
  [
    'what evaluates',
    appended('learning/evaluation/evaluate.ts'),
    // An explanation evaluates its two networks.
    whose((_, kind) => kind === 'evaluate' || kind === 'explain'),
  ],
  ['the thread that assembles batches', appended('learning/data/assembler.ts'), TRAININGS],
  ['the schedules', appended('learning/training/schedules.ts'), TRAININGS],
  ['a source in C++', appended('learning/engine/native/winograd.cc'), EVERY],
  ['a new header in C++', added('learning/engine/native/more.h', '#define MORE 1\n'), EVERY],
  ['the environment of a process', appended('learning/engine/environment.ts'), EVERY],
  ['the numbers of a dataset', appended('study/datasets/digits.ts'), EVERY],
  [
    'the version of tfjs',
    replaced('package.json', /("@tensorflow\/tfjs-node": ")[^"]*/, '$10.0.1'),
    EVERY,
  ],
  ['another dataset', appended('study/datasets/cifar10.ts'), []],
  ['another package', replaced('package.json', /("pino": ")[^"]*/, '$10.0.1'), []],
  ['a file that nothing imports', added('learning/engine/unused.ts', 'export const x = 1;\n'), []],
  ['a file of types', appended('learning/context.ts'), []],
  ['a registry', appended('learning/models/registry.ts'), []],
  ['a document', added('learning/data/README.md', '# Data\n'), []],
  [
    'a new distiller, with its line in the registry',
    (root) => {
      added(`${DISTILLERS}/fresh.ts`, "export const fresh = 'fresh';\n")(root);
      replaced(
        `${DISTILLERS}/registry.ts`,
        /^import/m,
        "import { fresh } from './fresh.ts';\nimport",
      )(root);
    },
    [],
  ],
  [
    'a new model of a family',
    replaced(
      'study/models/resnet.ts',
      'resnet8: {',
      'resnet26: { depth: 26, ...NARROW },\n    resnet8: {',
    ),
    [],
  ],
];

test('an edit gives new keys to the trials that it computes, and to no other', (t) => {
  const before = computeCodeIndex(ROOT);
  for (const [edit, plant, expected] of PLANTED) {
    const root = copyOfSources(t);
    plant(root);
    t.deepEqual(changed(before, indexOf(root)), expected, edit);
  }
});

test('the ends of lines are in no key', (t) => {
  const root = copyOfSources(t);
  for (const path of ROOMS.flatMap((room) => filesUnder(join(root, room)))) {
    if (!/\.(ts|cc|h)$/.test(path)) continue;
    writeFileSync(path, readFileSync(path, 'utf8').replaceAll('\n', '\r\n'));
  }
  t.deepEqual(indexOf(root), computeCodeIndex(ROOT));
});

test('a leg is computed by the code that the plan names', (t) => {
  for (const node of ALL) {
    const { spec } = bindTrial(node, new Map(ALL.map(({ id }) => [id, id])));
    t.truthy(codeUseOf(spec).dataset, node.id);
  }
});

test('a compiled build has the index of its sources, and says so where it is missing', async (t) => {
  const root = copyOfSources(t);
  // Set-up writes one into a checkout.
  rmSync(join(root, 'learning/code.json'), { force: true });
  const compiled = 'file:///app/learning/code/build.js';
  const error = await t.throwsAsync(codeIndexOfBuild(root, compiled), { instanceOf: KdxError });
  t.is(error.code, 'Configuration');
  const index = computeCodeIndex(ROOT);
  writeFileSync(join(root, 'learning/code.json'), JSON.stringify(index));
  appended('learning/leg.ts')(root);
  t.deepEqual(await codeIndexOfBuild(root, compiled), index);
  t.notDeepEqual(await codeIndexOfBuild(root), index);
});

test('a source that is missing or cannot be followed is refused by its name', (t) => {
  const root = copyOfSources(t);
  rmSync(join(root, 'learning/engine/sgd.ts'));
  t.throws(() => computeCodeIndex(root), {
    instanceOf: KdxError,
    message: /not complete.*sgd\.ts/,
  });
  t.throws(() => importsOf('a.ts', 'await import(name);'), {
    message: /a\.ts imports name; allowed/,
  });
  t.throws(() => importsOf('a.ts', 'const = 1;'), { message: /a\.ts cannot be parsed/ });
});

/** What TypeScript's own parser says a source imports at run time. */
function importsByTypeScript(path: string, text: string): string[] {
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const clause = node.importClause;
      const named = clause?.namedBindings;
      const types =
        clause?.phaseModifier === ts.SyntaxKind.TypeKeyword ||
        (clause?.name === undefined &&
          named !== undefined &&
          ts.isNamedImports(named) &&
          named.elements.every(({ isTypeOnly }) => isTypeOnly));
      if (!types) found.push(node.moduleSpecifier.text);
    } else if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) {
      if (!node.isTypeOnly && ts.isStringLiteral(node.moduleSpecifier)) {
        found.push(node.moduleSpecifier.text);
      }
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument !== undefined && ts.isStringLiteral(argument)) found.push(argument.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true));
  return [...new Set(found)].toSorted();
}

test('every source imports what TypeScript says it does', (t) => {
  const paths = ROOMS.flatMap((room) => filesUnder(join(ROOT, room)));
  const sources = paths.filter((path) => path.endsWith('.ts'));
  t.true(sources.length > 100);
  for (const path of sources) {
    const text = readFileSync(path, 'utf8');
    const modules = [...new Set(importsOf(path, text).modules)].toSorted();
    t.deepEqual(modules, importsByTypeScript(path, text), path);
  }
});

function isFunction(node: ts.Node): boolean {
  return (
    ts.isFunctionDeclaration(node) || ts.isArrowFunction(node) || ts.isFunctionExpression(node)
  );
}

test('a registry holds names and no numbers', (t) => {
  const paths = ROOMS.flatMap((room) => filesUnder(join(ROOT, room)));
  const registries = paths.filter(
    (path) => path.endsWith('/registry.ts') && !path.includes('learning/distillers'),
  );
  t.true(registries.length >= 4);
  for (const path of registries) {
    const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      t.false(ts.isNumericLiteral(node) || isFunction(node), `${path}: ${node.pos}`);
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
});
