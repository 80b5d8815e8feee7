import { errorText } from '../leg/errors.ts';
import type { ByteReader } from './byte-reader.ts';
import {
  isPickleGlobal,
  type Allowed,
  type PickleGlobal,
  type PickleRules,
} from './pickle-rules.ts';

/** The stack machine of a pickle: what opcodes are made of. Every refusal names what is wrong. */
export type Machine = {
  readonly reader: ByteReader;
  readonly refuse: (problem: string) => never;
  push(value: unknown): void;
  pop(): unknown;
  top(): unknown;
  mark(): void;
  /** Everything since the last mark, which goes too. */
  popToMark(): unknown[];
  store(index: number, value: unknown): void;
  memoize(): void;
  recall(index: number): unknown;
  global(module: unknown, name: unknown): PickleGlobal;
  call(target: unknown, args: unknown): unknown;
  build(value: unknown, state: unknown): unknown;
  persistent(id: unknown): unknown;
  /** The one value that is left at the end. */
  result(): unknown;
};

const NAME_ALLOWED = 'names of plain data only';

export function createMachine(
  reader: ByteReader,
  rules: PickleRules,
  refuse: (problem: string) => never,
): Machine {
  const stack: unknown[] = [];
  const marks: number[] = [];
  const memo = new Map<number, unknown>();
  /** Who made an object, and so takes its state. */
  const makers = new WeakMap<object, PickleGlobal>();

  const pop = (): unknown => {
    if (stack.length <= (marks.at(-1) ?? 0)) refuse('the stack is empty');
    return stack.pop();
  };
  const attempt = ({ module, name }: PickleGlobal, make: () => unknown): unknown => {
    try {
      return make();
    } catch (error) {
      return refuse(`${module}.${name}: ${errorText(error)}`);
    }
  };
  const global = (module: unknown, name: unknown): PickleGlobal => {
    if (typeof module !== 'string' || typeof name !== 'string') return refuse('a name is no text');
    const allowed: Allowed | undefined = rules.allow(module, name);
    if (allowed !== undefined) return { module, name, allowed };
    return refuse(
      `it names ${module}.${name}, which would be code to run; allowed: ${NAME_ALLOWED}`,
    );
  };
  return {
    ...{ reader, refuse, pop, global },
    push: (value) => void stack.push(value),
    top: () => (stack.length > (marks.at(-1) ?? 0) ? stack.at(-1) : refuse('the stack is empty')),
    mark: () => void marks.push(stack.length),
    popToMark: () => stack.splice(marks.pop() ?? refuse('there is no mark')),
    store: (index, value) => void memo.set(index, value),
    memoize: () => void memo.set(memo.size, stack.at(-1)),
    recall: (index) => (memo.has(index) ? memo.get(index) : refuse(`memo ${index} is empty`)),
    call: (target, args) => {
      if (!isPickleGlobal(target) || target.allowed.call === undefined) {
        const found = isPickleGlobal(target) ? `${target.module}.${target.name}` : 'a value';
        return refuse(`it calls ${found}; allowed: ${NAME_ALLOWED}`);
      }
      if (!Array.isArray(args)) return refuse(`it calls ${target.name} with no tuple`);
      const value = attempt(target, () => target.allowed.call?.(args));
      if (typeof value === 'object' && value !== null) makers.set(value, target);
      return value;
    },
    build: (value, state) => {
      const maker = typeof value === 'object' && value !== null ? makers.get(value) : undefined;
      const build = maker?.allowed.build;
      if (maker === undefined || build === undefined) {
        return refuse(`it sets the state of ${maker?.name ?? 'a value'}, which has none`);
      }
      const built = attempt(maker, () => build(value, state));
      if (typeof built === 'object' && built !== null) makers.set(built, maker);
      return built;
    },
    persistent: (id) =>
      rules.persistent === undefined
        ? refuse('it refers to data outside of the pickle; allowed: none')
        : rules.persistent(id),
    result: () => {
      if (stack.length === 1 && marks.length === 0) return stack[0];
      return refuse(`${stack.length} values are left at the end; allowed: 1`);
    },
  };
}
