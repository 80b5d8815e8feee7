import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { placesIn } from '../../k8s/places.ts';
import { readJobSettings } from '../../k8s/settings-file.ts';
import type { KdxError } from '../../leg/errors.ts';

const FLAVOURS = [
  { name: 'cpu', device: 'cpu', cpu: '2', memoryCapMiB: 8192 },
  { name: 't4', device: 'cuda', resource: 'nvidia.com/gpu', cpu: '4', memoryCapMiB: 16_384 },
  { name: 'a100', device: 'cuda', resource: 'nvidia.com/gpu', cpu: '500m', memoryCapMiB: 65_536 },
];
const SETTINGS = {
  ...{ namespace: 'kdx-legs', image: 'kdx/trainer:1', flavours: FLAVOURS, pool: ['a100'] },
  store: { endpoint: 'http://minio.kdx.svc:9000', bucket: 'kdx', secret: 'kdx-s3' },
  ...{ graceSeconds: 120, keepSeconds: 3600, checkpointSeconds: 60, cacheMiB: 1024 },
};

async function fileOf(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-cluster-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const file = join(folder, 'cluster.json');
  await writeFile(file, text);
  return file;
}

test('the settings of a cluster come from a file, as they are', async (t) => {
  const file = await fileOf(t, JSON.stringify(SETTINGS));
  t.deepEqual((await readJobSettings(file)) as unknown, SETTINGS);
});

for (const [what, changes, problem] of [
  ['an unknown field', { colour: 1 }, /\$\.colour: unknown field$/],
  [
    'a flavour without a device',
    { flavours: [{ ...FLAVOURS[0], device: 'tpu' }] },
    /\$\.flavours\[0\]\.device: found "tpu"; allowed: /,
  ],
  [
    'the same flavour twice',
    { flavours: [FLAVOURS[0], FLAVOURS[0]], pool: [] },
    /\$\.flavours: cpu occurs twice; allowed: once each$/,
  ],
  ['a pool of no flavour', { pool: ['h100'] }, /\$\.pool: found "h100"; allowed: cpu, t4, a100$/],
  [
    'an endpoint that is no URL',
    { store: { ...SETTINGS.store, endpoint: 'minio:9000' } },
    /\$\.store\.endpoint: found "minio:9000"; allowed: /,
  ],
] as const) {
  test(`${what} is refused by its place`, async (t) => {
    const file = await fileOf(t, JSON.stringify({ ...SETTINGS, ...changes }));
    const error = await t.throwsAsync<KdxError>(readJobSettings(file), { message: problem });
    t.is(error.code, 'Configuration');
    t.true(error.message.startsWith(`${file}: `));
  });
}

test('a file that is no JSON is named with its variable', async (t) => {
  const file = await fileOf(t, '{');
  const message = new RegExp(`^KDX_CLUSTER_FILE: ${file} cannot be read as JSON: `);
  await t.throwsAsync(readJobSettings(file), { message });
});

test('legs go to Jobs first, then to a pool; a device that no flavour has has no place', async (t) => {
  const settings = await readJobSettings(await fileOf(t, JSON.stringify(SETTINGS)));
  t.deepEqual(placesIn(settings, 'cuda'), [
    { executor: 'kubernetes', flavours: ['t4', 'a100'] },
    { executor: 'pool', flavours: ['a100'] },
  ]);
  t.deepEqual(placesIn(settings, 'cpu'), [{ executor: 'kubernetes', flavours: ['cpu'] }]);
  const [cpu] = settings.flavours;
  t.deepEqual(placesIn({ ...settings, flavours: cpu === undefined ? [] : [cpu] }, 'cuda'), []);
});
