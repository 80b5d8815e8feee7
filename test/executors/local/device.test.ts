import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { createLocalExecutor } from '../../../executors/local/executor.ts';
import type { LegWatch } from '../../../leg/ports.ts';
import type { Leg } from '../../../leg/spec.ts';
import { openFolderStore } from '../../../stores/folder.ts';
import { openLeases } from '../../../stores/leases.ts';
import { leg } from '../leg.ts';

const waiting: LegWatch = { signal: new AbortController().signal, report: () => undefined };

function cudaLeg(): Leg {
  const { spec, ...rest } = leg('a');
  return { ...rest, spec: { ...spec, device: { ...spec.device, kind: 'cuda' } } };
}

async function run(cudaFiles: readonly string[], legToRun: Leg) {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-device-'));
  const mark = join(folder, 'launched');
  const store = openFolderStore(join(folder, 'store'));
  await store.ensureBucket();
  try {
    const executor = createLocalExecutor({
      command: ['/usr/bin/touch', mark],
      environment: {},
      logFolder: folder,
      leases: openLeases(store),
      cudaFiles,
    });
    const end = await executor.run(legToRun, waiting);
    return { end, launched: existsSync(mark) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('a leg for a GPU is refused where there is none, before any process of it', async (t) => {
  const { end, launched } = await run(['/dev/no-such-gpu'], cudaLeg());
  t.false(launched);
  t.is(end.outcome, 'badSpec');
  t.regex(
    end.detail,
    /^\$\.device\.kind: found "cuda"; \S+ has no NVIDIA GPU, allowed there: "cpu"$/,
  );
  t.deepEqual(end.processes, []);
});

test('a leg for a GPU is launched where there is one, a leg for the CPU everywhere', async (t) => {
  t.true((await run(['/dev/null'], cudaLeg())).launched);
  t.true((await run(['/dev/no-such-gpu'], leg('a'))).launched);
});
