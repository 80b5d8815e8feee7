import type { Client } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { MockActivityEnvironment } from '@temporalio/testing';
import test from 'ava';

import type { PinnedStudy } from '../../activities/contract.ts';
import { createStudyActivities } from '../../activities/study.ts';
import { LOCAL_PLACE } from '../../leg/spec.ts';
import { CODE_INDEX, quietRuntime, smallStudy } from '../workflows/world.ts';

quietRuntime();

const nothing = (): Promise<never> => Promise.reject(new Error('nobody asks for that here'));

const activities = createStudyActivities({
  artifacts: {
    ...{ location: '', getJson: nothing, getBlob: nothing },
    putBlob: ({ length }) => Promise.resolve({ digest: 'd', bytes: length }),
  },
  catalog: {
    places: () => [LOCAL_PLACE],
    dataset: () => Promise.resolve({ digest: 'dataset' }),
    readCodeIndex: () => Promise.resolve(CODE_INDEX),
  },
  temporal: {} as Client,
});

/** As a worker runs it, within an activity. */
const resolveStudy = (input: unknown): Promise<PinnedStudy> =>
  new MockActivityEnvironment().run(activities.resolveStudy, input);

test('a study for an executor that the worker has not is refused with those it has', async (t) => {
  const error = await t.throwsAsync(resolveStudy(smallStudy({ executor: 'kubernetes' })), {
    instanceOf: ApplicationFailure,
  });
  t.like(error, {
    type: 'SpecInvalid',
    message: '$.executor: found "kubernetes"; allowed on these workers: auto, local',
  });
});

test('a study for an executor of the worker keeps it', async (t) => {
  for (const executor of ['auto', 'local'] as const) {
    const { resolved } = await resolveStudy(smallStudy({ executor }));
    t.is(resolved.study.executor, executor);
  }
});
