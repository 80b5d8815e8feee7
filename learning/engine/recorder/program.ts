import { KdxError } from '../../../leg/errors.ts';
import type { tf } from '../backend.ts';
import { isRecording, record } from './record.ts';
import type { GraphFunction } from './recording.ts';
import type { Outcome, Step, Tensors } from './rehearsal.ts';
import { rehearse } from './rehearsal.ts';
import { Session } from './session.ts';
import { verify } from './verification.ts';

/** A step that runs as a recorded graph, one call of TensorFlow each time. */
export type RecordedProgram = {
  /** Outputs are kept: the caller disposes them. */
  run(feeds: Tensors): Tensors;
  /** Leaves the variables to the host, up to date. */
  dispose(): void;
};

/** A step recorded for feeds of certain shapes: the last batch of an epoch has its own. */
type Version = { readonly graph: GraphFunction; runs: number };

/** Runs of a version that are compared with eager ones: on the batch recorded, and on another. */
const CHECKED_RUNS = 2;

/** All programs of a process are one graph, because they share variables. */
const session = new Session();

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
    const options = {
      title,
      prefix: session.nextPrefix(),
      variableName: (variable: tf.Variable) => session.nameOf(variable),
    };
    const { graph, eager } = record(step, feeds, options);
    session.add(graph);
    versions.set(key, { graph, runs: 0 });
    return eager;
  };

  const checked = ({ graph, runs }: Version, eager: Outcome, feeds: Tensors): Tensors => {
    const outputs = session.run(graph, feeds);
    try {
      verify(title, runs, eager, outputs);
      return outputs;
    } catch (error) {
      for (const tensor of Object.values(outputs)) tensor.dispose();
      throw error;
    } finally {
      eager.dispose();
    }
  };

  return {
    run: (feeds) => {
      if (isRecording()) {
        throw new KdxError('CodeBug', `A step that is being recorded must not run ${title}.`);
      }
      const key = signature(feeds);
      const known = versions.get(key);
      if (known !== undefined && known.runs >= CHECKED_RUNS) return session.run(known.graph, feeds);
      const eager = known === undefined ? recorded(key, feeds) : rehearse(step, feeds);
      const version = versions.get(key) as Version;
      version.runs += 1;
      return checked(version, eager, feeds);
    },
    dispose: () => {
      for (const { graph } of versions.values()) session.remove(graph);
      versions.clear();
    },
  };
}
