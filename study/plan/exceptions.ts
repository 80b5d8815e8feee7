import type { Study } from '../schema.ts';
import { replaced, type Settings } from '../settings.ts';
import type { Train } from '../train-schema.ts';

type Sweep = NonNullable<Study['sweep']>;

/** One training of the sweep: which student, by which method. */
export type Cell = {
  readonly student: Sweep['students'][number];
  readonly method: Sweep['methods'][number];
};

/** Whether an exception is for a training. */
export function concerns(
  { students, methods }: NonNullable<Sweep['exceptions']>[number],
  { student, method }: Cell,
): boolean {
  return (students?.includes(student.name) ?? true) && (methods?.includes(method.id) ?? true);
}

/** How a student is trained by a method: the sweep's settings, and the exceptions that concern it. */
export function trainOf({ train, exceptions = [] }: Sweep, cell: Cell): Train {
  return exceptions
    .filter((exception) => concerns(exception, cell))
    .reduce((settings: Settings, exception) => replaced(settings, exception.train), train) as Train;
}

/** Every training of a sweep, student by student. */
export function cellsOf({ students, methods }: Sweep): readonly Cell[] {
  return students.flatMap((student) => methods.map((method) => ({ student, method })));
}
