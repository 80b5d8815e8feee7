#!/usr/bin/env node
// npm run test:cluster: brings a Kubernetes up, with images of this checkout, runs the tests of test/cluster on
// it, and ends it; one that was up stays up. The last line is `N passed, N failed`. See README.md for a cluster of your own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run, SetupError } from '../setup/command.mjs';
import { runNode } from '../setup/launch.mjs';
import { countTap } from '../setup/tap.mjs';
import { ROOT, setUpOrExit } from '../setup.mjs';

const HERE = import.meta.dirname;
const KEEP = '--keep';
/** What a cluster of one's own has to be described by. */
const OWN = [
  ...['CLUSTER_HOST_ADDRESS', 'CLUSTER_TRAINER_IMAGE', 'CLUSTER_WORKER_IMAGE'],
  ...['CLUSTER_POOL_IMAGE', 'CLUSTER_TEMPORAL_IMAGE', 'CLUSTER_DEFECT_IMAGE'],
  'CLUSTER_API_ADDRESSES',
];
/** Tests that stop parts of the cluster: nobody does that to one that others use. */
const OURS_ALONE = '!test/cluster/outage.test.ts';

/** What `image.mjs` is told, but for the file. */
const IMAGES = [['trainer'], ['worker'], ['pool'], ['temporal'], ['exit', '70']];

/** @typedef {Record<string, string>} Cluster variables for the tests */

/** Whether there is a cluster already: it may be in use. */
async function isUp() {
  const question = '. "$0/env.sh"; . "$0/processes.sh"; alive apiserver && echo up || true';
  return (await run('bash', ['-c', question, HERE])) !== '';
}

/** @returns {Promise<Cluster>} */
async function startCluster() {
  const kubeconfig = (await script('up.sh', 'kube-router', 'kueue')).trim();
  const folder = await mkdtemp(join(tmpdir(), 'kdx-images-'));
  try {
    for (const image of IMAGES) {
      const tar = join(folder, `${image[0]}.tar`);
      process.stdout.write(await run(process.execPath, [join(HERE, 'image.mjs'), ...image, tar]));
      await script('import.sh', tar);
      await rm(tar);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return {
    KUBECONFIG: kubeconfig,
    CLUSTER_HOST_ADDRESS: '172.31.255.1',
    CLUSTER_TRAINER_IMAGE: 'docker.io/kdexplainer/trainer:test',
    CLUSTER_WORKER_IMAGE: 'docker.io/kdexplainer/worker:test',
    CLUSTER_POOL_IMAGE: 'docker.io/kdexplainer/pool:test',
    CLUSTER_TEMPORAL_IMAGE: 'docker.io/kdexplainer/temporal:test',
    CLUSTER_API_ADDRESSES: '172.31.255.2,10.96.0.1',
    CLUSTER_DEFECT_IMAGE: 'docker.io/kdexplainer/exit-70:test',
  };
}

/** @param {string} name @param {string[]} args */
function script(name, ...args) {
  return run(join(HERE, name), args);
}

/** @returns {Cluster} */
function ownCluster() {
  const missing = OWN.find((name) => process.env[name] === undefined);
  if (missing === undefined) return {};
  throw new SetupError(`KUBECONFIG is set, ${missing} is not: see scripts/cluster/README.md`);
}

process.chdir(ROOT);
const toolchain = await setUpOrExit({ minio: true });
const isOwn = process.env.KUBECONFIG !== undefined;
const wasUp = isOwn || (await isUp());
const tap = countTap((line) => process.stdout.write(`${line}\n`));
let code = 1;
try {
  const env = isOwn ? ownCluster() : await startCluster();
  const ava = join(ROOT, 'node_modules', 'ava', 'entrypoints', 'cli.js');
  const config = ['--config', join(ROOT, 'test', 'cluster', 'ava.config.mjs')];
  const files = isOwn ? [OURS_ALONE] : [];
  const rest = process.argv.slice(2).filter((word) => word !== KEEP);
  code = await runNode(toolchain, [ava, '--tap', ...config, ...rest, ...files], {
    stdout: tap.write,
    env,
  });
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  process.stderr.write(`cluster: ${error.message}\n`);
} finally {
  if (!wasUp && !process.argv.includes(KEEP)) await script('down.sh');
}
const { passed, failed: counted, failures } = tap.end();
for (const line of failures) process.stdout.write(`${line}\n`);
// A run that broke off, or found nothing to run, has failed whatever it counted.
const failed = counted + (code !== 0 && counted === 0 ? 1 : 0);
process.exitCode = failed === 0 ? 0 : 1;
process.stdout.write(`${passed} passed, ${failed} failed\n`);
