/**
 * The import rule of docs/architecture.md: which room may import which. One line a room; what is not
 * listed is forbidden. `types` are rooms of which only types may be imported.
 */
const ROOMS = {
  leg: { imports: ['study'] },
  statistics: { imports: [] },
  formats: { imports: ['leg'] },
  study: { imports: ['distillers'] },
  environment: { imports: ['leg'] },
  distillers: { imports: [], types: ['study', 'learning'] },
  learning: { imports: ['study', 'leg', 'distillers'] },
  k8s: { imports: ['study', 'leg'] },
  executors: { imports: ['study', 'leg'] },
  stores: { imports: ['study', 'leg'] },
  report: { imports: ['study', 'leg', 'statistics'] },
  activities: {
    imports: ['study', 'leg', 'statistics', 'k8s', 'executors', 'stores', 'report'],
  },
  workflows: { imports: ['study', 'leg', 'statistics'], types: ['activities'] },
};
/** Rooms above all of these: they may import any of them. */
const UPPER = ['bin', 'cli', 'stack', 'verify', 'bench', 'scripts', 'test'];
const ALL = [...Object.keys(ROOMS), ...UPPER];

const roomRules = Object.entries(ROOMS).flatMap(([room, { imports, types = [] }]) => {
  const strange = ALL.filter((other) => ![room, ...imports, ...types].includes(other));
  return [
    {
      name: `${room}-imports`,
      comment: `${room}/ may import ${[...imports, ...types].join(', ') || 'no other room'}`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^(${strange.join('|')})/` },
    },
    ...types.map((other) => ({
      name: `${room}-imports-only-types-of-${other}`,
      severity: 'error',
      from: { path: `^${room}/` },
      to: { path: `^${other}/`, dependencyTypesNot: ['type-only'] },
    })),
  ];
});

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'only-learning-imports-tfjs',
      severity: 'error',
      from: { path: '^[^/]+/', pathNot: '^(learning|test|bench|node_modules)/' },
      to: { path: '@tensorflow/|node_modules/onnxruntime' },
    },
    {
      name: 'only-workflows-import-the-workflow-package',
      severity: 'error',
      from: { path: '^[^/]+/', pathNot: '^(workflows|bench/sweep|test|node_modules)/' },
      to: { path: 'node_modules/@temporalio/workflow/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'workflows-import-no-node-built-ins',
      severity: 'error',
      from: { path: '^workflows/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'no-circle',
      comment: 'type-only imports included',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.kdx)/' },
    tsPreCompilationDeps: 'specify',
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
