import eslint from '@eslint/js';
import { builtinModules } from 'node:module';
import tseslint from 'typescript-eslint';

const BUILT_INS = [...builtinModules, 'node:*'];
const TFJS = ['@tensorflow/*'];
const message = {
  builtIns: 'Workflows run in a sandbox without Node: ask an activity.',
  tfjs: 'Only learning/ computes with tfjs.',
  random: 'Host random numbers freeze in a recorded graph: use learning/engine/random.',
};

/** Ops of tfjs that draw on the host; the engine has counter-based streams instead. */
const HOST_RANDOM =
  '/^(random(Uniform|Normal|StandardNormal|Gamma|Int)?|rand|truncatedNormal|multinomial|dropout)$/';

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', '.kdx/', 'test/fixtures/', 'docs/'] },
  eslint.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_' },
      ],
      // A function may be async to promise an error instead of throwing it.
      '@typescript-eslint/require-await': 'off',
      // Our objects are records of functions: nothing reads `this`.
      '@typescript-eslint/unbound-method': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.cjs'],
    languageOptions: { globals: Object.fromEntries(nodeGlobals()) },
    rules: { 'no-unused-vars': ['error', { varsIgnorePattern: '^_' }] },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/restrict-template-expressions': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      'no-restricted-imports': restrict([BUILT_INS, message.builtIns], [TFJS, message.tfjs]),
    },
  },
  {
    files: ['**/*.ts'],
    ignores: [
      'learning/**',
      'workflows/**',
      'test/learning/**',
      'bench/**',
      'bin/trainer.ts',
      'bin/trainer/**',
    ],
    rules: { 'no-restricted-imports': restrict([TFJS, message.tfjs]) },
  },
  {
    files: ['learning/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          selector: `MemberExpression[object.name='tf'][property.name=${HOST_RANDOM}]`,
          message: message.random,
        },
      ],
    },
  },
);

/**
 * @param {...[string[], string]} groups
 * @returns {import('eslint').Linter.RuleEntry}
 */
function restrict(...groups) {
  return ['error', { patterns: groups.map(([group, text]) => ({ group, message: text })) }];
}

function nodeGlobals() {
  const names = [
    'process',
    'console',
    'performance',
    'URL',
    'AbortSignal',
    'TextEncoder',
    'setTimeout',
    'Buffer',
  ];
  return names.map((name) => [name, 'readonly']);
}
