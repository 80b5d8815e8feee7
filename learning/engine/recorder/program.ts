import { KdxError } from '../../../leg/errors.ts';
import { tf } from '../backend.ts';
import { isRecording, record } from './record.ts';
import type { Outcome, Step, Tensors } from './rehearsal.ts';
import { rehearse } from './rehearsal.ts';
import { withReruns } from './rounding.ts';
import { GraphSession } from './session.ts';
import { verify } from './verification.ts';

/** A step that runs as a recorded graph, one call of TensorFlow each time. */
export type RecordedProgram = {
  /** Outputs are kept: the caller disposes them. */
  run(feeds: Tensors): Tensors;
  /** Leaves the variables to the host, up to date. */
  dispose(): void;
};

/** A step recorded for feeds of certain shapes: the last batch of an epoch has its own. */
type Version = { readonly session: GraphSession; runs: number };

/** Runs of a version that are compared with eager ones: on the batch recorded, and on another. */
const CHECKED_RUNS = 2;

function signature(feeds: Tensors): string {
  const describe = ([name, { dtype, shape }]: [string, tf.Tensor]): string =>
    `${name}:${dtype}[${shape.join()}]`;
  return Object.entries(feeds).map(describe).sort().join(' ');
}

/**
 * Makes a step a recorded program. At its first run with feeds of certain names, shapes and types
 * the step runs once eagerly and is recorded; from then on only its graph runs. The first two runs
 * are compared with eager ones (which costs two eager steps and the reading of all variables): what
 * a recording cannot see, such as a JavaScript number that changes between steps, is found there.
 *
 * @param title what the program is called in messages
 */
export function recordedProgram(title: string, step: Step): RecordedProgram {
  const versions = new Map<string, Version>();

  const recorded = (key: string, feeds: Tensors): Outcome => {
    const { graph, eager } = record(title, step, feeds);
    try {
      versions.set(key, { session: new GraphSession(graph), runs: 0 });
      return eager;
    } catch (error) {
      eager.dispose();
      throw error;
    }
  };

  const checked = ({ session, runs }: Version, eager: Outcome, feeds: Tensors): Tensors => {
    const outputs = session.run(feeds);
    try {
      verify(title, runs, eager, outputs, (use) => withReruns(step, feeds, eager.changes, use));
      return outputs;
    } catch (error) {
      tf.dispose(Object.values(outputs));
      throw error;
    }
  };

  return {
    run: (feeds) => {
      if (isRecording()) {
        throw new KdxError('CodeBug', `A step that is being recorded must not run ${title}.`);
      }
      const key = signature(feeds);
      const known = versions.get(key);
      if (known !== undefined && known.runs >= CHECKED_RUNS) return known.session.run(feeds);
      const eager = known === undefined ? recorded(key, feeds) : rehearse(step, feeds);
      const version = versions.get(key) as Version;
      version.runs += 1;
      try {
        return checked(version, eager, feeds);
      } finally {
        eager.dispose();
      }
    },
    dispose: () => {
      for (const { session } of versions.values()) session.close();
      versions.clear();
    },
  };
}
