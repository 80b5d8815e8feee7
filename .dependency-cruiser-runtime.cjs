/**
 * What a program loads, over any number of imports. Types are erased before it runs, so that this is
 * asked of the imports that remain: a config of its own beside the import rule.
 */
module.exports = {
  forbidden: [
    {
      name: 'the-trainer-holds-no-temporal-and-no-kubernetes',
      severity: 'error',
      from: { path: '^bin/trainer' },
      to: { path: 'node_modules/(@temporalio|@kubernetes)/', reachable: true },
    },
    {
      name: 'the-worker-holds-no-tfjs',
      severity: 'error',
      from: { path: '^bin/(worker|reporter)' },
      to: { path: '@tensorflow/|node_modules/onnxruntime', reachable: true },
    },
    {
      name: 'worker-and-trainer-hold-nothing-of-a-laptop',
      comment: 'what an image runs never imports the command line or the servers of one laptop',
      severity: 'error',
      from: { path: '^bin/(worker|trainer|reporter)' },
      to: { path: '^(cli|stack|verify)/', reachable: true },
    },
    {
      name: 'the-input-thread-holds-no-tfjs',
      comment: 'a process may have one isolate with tfjs, and the training has it',
      severity: 'error',
      from: { path: '^learning/data/assembler' },
      to: { path: '@tensorflow/|node_modules/onnxruntime', reachable: true },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.kdx)/' },
    tsPreCompilationDeps: false,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
    },
  },
};
