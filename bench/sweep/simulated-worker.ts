import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { writeEnvironment, type Environment } from '../../environment/environment.ts';
import { KdxError } from '../../leg/errors.ts';
import type { Pace } from './executor.ts';
import type { Answer, Request } from './words.ts';

export type Measures = { readonly rssBytes: number; readonly idleShare: number };

/** The worker of the bench, in a process of its own. */
export type SimulatedWorker = {
  /** How long legs take from now on. */
  setPace(pace: Pace): void;
  /** The most memory that it has had, and what its slots did since the last call. */
  take(): Promise<Measures>;
  stop(): Promise<void>;
};

/** Starts it and waits until it serves. @param slots legs at once */
export async function startWorker(
  environment: Environment,
  slots: number,
): Promise<SimulatedWorker> {
  const program = fileURLToPath(new URL('worker.ts', import.meta.url));
  const child = fork(program, [String(slots)], {
    env: { PATH: process.env['PATH'], ...writeEnvironment(environment) },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const closed = once(child, 'close');
  const send = (request: Request): void => void child.send(request);
  const receive = async (): Promise<Answer> => {
    const ended = closed.then(() => {
      throw new KdxError('CodeBug', 'the worker of the bench has ended');
    });
    const [answer] = (await Promise.race([once(child, 'message'), ended])) as [Answer];
    return answer;
  };
  await receive();
  return {
    setPace: (pace) => send({ pace }),
    async take() {
      send({ take: 'measures' });
      return (await receive()) as Measures;
    },
    async stop() {
      child.kill();
      await closed;
    },
  };
}
