import type { Explanation } from '../leg/records.ts';
import type { ArmName } from '../study/catalog.ts';
import { seedPairs } from '../study/plan/plan.ts';
import type { Study } from '../study/schema.ts';
import type { ImportedTeacher } from '../study/imported-teacher.ts';
import type { ReportInput, ReportTrial } from './input.ts';

type Method = NonNullable<Study['sweep']>['methods'][number];

/** One seed of one arm: its two stages and what they tell. */
export type ArmSeed = {
  readonly seed: number;
  readonly soft?: ReportTrial;
  readonly hard?: ReportTrial;
  readonly explanation?: ReportTrial;
};

export type Arm = { readonly name: ArmName; readonly seeds: readonly ArmSeed[] };

/** One seed of one student under one method. */
export type StudentSeed = {
  readonly seed: number;
  readonly training?: ReportTrial;
  readonly evaluation?: ReportTrial;
};

export type StudentGroup = {
  readonly student: string;
  readonly method: Method;
  readonly seeds: readonly StudentSeed[];
};

export type TeacherTrials = {
  readonly id: string;
  readonly model: string;
  /** Absent where the study trained it. */
  readonly imported?: ImportedTeacher;
  readonly training?: ReportTrial;
  readonly evaluation?: ReportTrial;
};

/** A study's trials by what they are for. */
export type Trials = {
  readonly all: readonly ReportTrial[];
  readonly teachers: readonly TeacherTrials[];
  readonly arms: readonly Arm[];
  readonly groups: readonly StudentGroup[];
};

/** Leaves out what is undefined, as exact optional properties ask. */
function present<T extends object>(record: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}

function importedLabel(imported: ImportedTeacher): string {
  return 'onnx' in imported ? 'ONNX' : imported.model.name;
}

/** What the study says of a teacher. */
function facts(teacher: Study['teachers'][number]): Pick<TeacherTrials, 'model' | 'imported'> {
  if (!('import' in teacher)) return { model: teacher.model.name };
  const { import: name, imported } = teacher;
  return imported === undefined ? { model: name } : { model: importedLabel(imported), imported };
}

/** Finds each trial's place in the study by its id; those that are not there stay absent. */
export function arrangeTrials({ study, trials }: ReportInput): Trials {
  const byId = new Map(trials.map((trial) => [trial.id, trial]));
  const at = (id: string): ReportTrial | undefined => byId.get(id);
  const seeds = seedPairs(study.seeds).map(({ init }) => init);
  const { explain, sweep } = study;
  return {
    all: trials,
    teachers: study.teachers.map((teacher) => {
      const { id } = teacher;
      return present({
        id,
        ...facts(teacher),
        training: at(`teacher/${id}`),
        evaluation: at(`teacher/${id}/evaluation`),
      });
    }),
    arms: (explain?.arms ?? []).map((name) => ({
      name,
      seeds: seeds.slice(0, explain?.seeds).map((seed) => {
        const root = `explain/${name}/s${seed}`;
        return present({
          seed,
          soft: at(`${root}/soft`),
          hard: at(`${root}/hard`),
          explanation: at(`${root}/explanation`),
        });
      }),
    })),
    groups: (sweep?.students ?? []).flatMap((model) =>
      (sweep?.methods ?? []).map((method) => ({
        student: model.name,
        method,
        seeds: seeds.map((seed) => {
          const id = `sweep/${model.name}/${method.id}/s${seed}`;
          return present({ seed, training: at(id), evaluation: at(`${id}/evaluation`) });
        }),
      })),
    ),
  };
}

/** An explanation that is there, with the trial it comes from. */
export type Told = {
  readonly seed: number;
  readonly trial: ReportTrial;
  readonly explanation: Explanation;
};

/** The seeds of an arm that have been explained. */
export function explained(arm: Arm): readonly Told[] {
  return arm.seeds.flatMap(({ seed, explanation: trial }) =>
    trial?.explanation === undefined ? [] : [{ seed, trial, explanation: trial.explanation }],
  );
}

export const ARM_LABELS: Readonly<Record<ArmName, string>> = {
  'hard-label': 'Hard labels',
  'label-smoothing': 'Label smoothing',
  distillation: 'Distillation',
};
