import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';

import { encodeTensors } from '../../../learning/engine/safetensors.ts';
import { networkState, readState } from '../../../learning/engine/state.ts';
import { weightsFile } from '../../../learning/networks.ts';
import { recordRun } from '../../../stores/runs.ts';
import { commitResult } from '../../../stores/results.ts';
import { openS3Store } from '../../../stores/s3.ts';
import { bindTrial, expandStudy } from '../../../study/plan/plan.ts';
import { startSeaweedfs } from '../../servers/seaweedfs.ts';
import { folder } from '../dataset/archives.ts';
import { CONTEXT } from '../study/store.ts';
import { resolveInput } from '../../../cli/study/resolve.ts';
import { trainedNetwork } from './networks.ts';

const ROOT = join(import.meta.dirname, '../../..');
const TRIAL = 'teacher/t';

const STUDY = resolveInput({
  name: 'taken',
  dataset: { name: 'digits', preset: 'correct' },
  seeds: { init: [1], data: [1] },
  teachers: [
    { id: 't', model: { name: 'resnet8' }, train: { epochs: 1, optimizer: { name: 'sgd' } } },
  ],
});

/** Leaves what the training of the teacher would. */
async function leaveResult(store: ReturnType<typeof openS3Store>): Promise<string> {
  const { network } = trainedNetwork({ model: 'resnet8' });
  const file = weightsFile({ network }, readState(networkState(network)), 1);
  network.dispose();
  const weights = await store.putBlob(encodeTensors(file));
  const node = expandStudy(STUDY, CONTEXT).find(({ id }) => id === TRIAL);
  if (node === undefined) throw new Error(`${TRIAL} is not planned`);
  const { key, spec } = bindTrial(node, new Map());
  const facts = { schema: 1, key, spec, status: 'complete', metrics: {} } as const;
  await commitResult(store, { ...facts, files: { weights } });
  await recordRun(store, {
    ...{ schema: 1, key, process: 'a', study: STUDY.name, trial: TRIAL, launch: 0, seconds: 1 },
    ...{ outcome: 'done', startedAt: '2026-01-01T00:00:00.000Z', peakBytes: 1, host: 'h' },
    deviceClass: { kind: 'cpu', model: 'x', threads: 1, tensorflow: '2' },
    ...{ code: 'c', commit: 'c0ffee' },
  });
  return key;
}

test('the command writes a network, and refuses what is none', async (t) => {
  const server = await startSeaweedfs();
  t.teardown(() => server.stop());
  const home = await folder(t);
  const s3 = server.s3('exports');
  const store = openS3Store(s3);
  await store.ensureBucket();
  const key = await leaveResult(store);
  const env = {
    KDX_S3_ENDPOINT: s3.endpoint,
    KDX_S3_ACCESS_KEY: s3.accessKey,
    KDX_S3_SECRET_KEY: s3.secretKey,
    KDX_S3_BUCKET: 'exports',
    KDX_STATE_DIR: home,
    INIT_CWD: home,
  };
  const kdx = (...args: readonly string[]) =>
    execa({ reject: false, env, cwd: home })(process.execPath, [
      ...[join(ROOT, 'bin/kdx.ts'), 'export', ...args],
    ]);

  const torch = await kdx(TRIAL, '--study', 'taken', '--format', 'safetensors');
  t.is(torch.exitCode, 0, torch.stderr);
  t.regex(
    torch.stdout,
    /^resnet8 in .*: model\.safetensors, network\.json, load\.py, check\.json, README\.md\nlogits of TensorFlow differ by \d/,
  );
  const place = join(home, 'exports', `resnet8-safetensors-${key.slice(0, 8)}`);
  t.is((await readdir(place)).length, 5);

  const tfjs = await kdx(key.slice(0, 8), '--format', 'tfjs', '--out', 'here');
  t.is(tfjs.exitCode, 0, tfjs.stderr);
  t.deepEqual((await readdir(join(home, 'here'))).toSorted(), [
    ...['README.md', 'check.json', 'model.json', 'weights.bin'],
  ]);

  const absent = await kdx('teacher/u', '--study', 'taken', '--format', 'onnx');
  t.is(absent.exitCode, 64, absent.stderr);
  t.regex(
    absent.stderr,
    /no run of the study taken has left .*allowed: a key, or one of teacher\/t/,
  );
  const format = await kdx(TRIAL, '--format', 'keras');
  t.is(format.exitCode, 64);
  t.regex(format.stderr, /safetensors, tfjs, onnx, savedmodel/);
});
