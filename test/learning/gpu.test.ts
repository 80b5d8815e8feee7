import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';

import { watchDeviceMemory } from '../../learning/device-memory.ts';
import { deviceClassOf } from '../../learning/device.ts';
import { gpuModel, usedDeviceBytes } from '../../learning/gpu.ts';
import { KdxError } from '../../leg/errors.ts';

/** A machine whose `nvidia-smi` answers as written, and notes in a file what it was asked. */
async function machine(t: ExecutionContext, answer: string): Promise<NodeJS.ProcessEnv> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-nvidia-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const program = join(folder, 'nvidia-smi');
  await writeFile(program, `#!/bin/sh\n${answer}\n`);
  await chmod(program, 0o755);
  return { PATH: folder, CUDA_VISIBLE_DEVICES: '1' };
}

test('a GPU has the name that the driver gives it', async (t) => {
  const named = await machine(t, 'echo "NVIDIA H100 80GB HBM3"');
  t.is(gpuModel(named), 'NVIDIA H100 80GB HBM3');
  const asked = await machine(t, 'echo "$@"');
  t.is(gpuModel(asked), '--query-gpu=name --format=csv,noheader,nounits -i 1');
  t.is(gpuModel({ PATH: '/nowhere' }), 'unknown GPU');
});

test('device memory is that of the process itself', async (t) => {
  const shared = await machine(t, `printf '77, 300\\n4242, 1530\\n'`);
  t.is(await usedDeviceBytes(4242, shared), 1530 * 2 ** 20);
  t.is(await usedDeviceBytes(5, shared), undefined, 'one of several strangers is not us');
  // A container sees its own numbers, the driver those of the host.
  const alone = await machine(t, `echo '913440, 2048'`);
  t.is(await usedDeviceBytes(5, alone), 2048 * 2 ** 20);
});

test('a driver that does not tell, fails or is not there gives no memory', async (t) => {
  for (const answer of [`echo '5, [N/A]'`, 'echo No devices were found; exit 6', 'true']) {
    t.is(await usedDeviceBytes(5, await machine(t, answer)), undefined);
  }
  t.is(await usedDeviceBytes(5, { PATH: '/nowhere' }), undefined);
});

test('the peak of a leg is the last and largest answer; a CPU has none', async (t) => {
  const alone = await machine(t, `echo '913440, 2048'`);
  t.is(await watchDeviceMemory('cuda', alone).stop(), 2048 * 2 ** 20);
  t.is(await watchDeviceMemory('cpu', alone).stop(), undefined);
});

test('a GPU that is not there is said so, with what is', (t) => {
  const device = { kind: 'cuda', threads: 1, precision: 'float32' } as const;
  const error = t.throws(() => deviceClassOf(device), { instanceOf: KdxError });
  t.is(error.code, 'Configuration');
  t.is(error.exitCode, 78);
  t.regex(
    error.message,
    /^device\.kind is cuda, but TensorFlow \d+\.\d+\.\d+ sees the CPU only \(NVIDIA driver: .+; devices: .+; CUDA_VISIBLE_DEVICES: .+\)/,
  );
  t.is(deviceClassOf({ ...device, kind: 'cpu' }).kind, 'cpu');
});
