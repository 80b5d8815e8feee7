import { CLUSTER, type Namespace } from './world.ts';

const TIMEOUT_MILLISECONDS = 4000;

/** Tries a TCP connection to each target; prints the names of those that did not answer. */
const PROGRAM = `
const { connect } = require('node:net');
const targets = JSON.parse(process.argv[1]);
const reaches = (target) =>
  new Promise((resolve) => {
    const [host, port] = target.split(':');
    const socket = connect({ host, port: Number(port) });
    const end = (answer) => { socket.destroy(); resolve(answer); };
    socket.setTimeout(${TIMEOUT_MILLISECONDS}, () => end(false));
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
(async () => {
  const blocked = [];
  for (const [name, target] of Object.entries(targets)) {
    if (!(await reaches(target))) blocked.push(name);
  }
  const { existsSync, writeFileSync } = require('node:fs');
  if (existsSync('/var/run/secrets/kubernetes.io')) blocked.push('token!');
  writeFileSync('/dev/termination-log', JSON.stringify(blocked));
})();`;

/** Policies take a moment after a pod's start to hold. */
const SETTLE_MILLISECONDS = 3000;

/** Names of the targets (`host:port`) that a pod with these labels cannot reach. */
export async function blockedFrom(
  home: Namespace,
  name: string,
  labels: Readonly<Record<string, string>>,
  targets: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const program = `setTimeout(() => {${PROGRAM}}, ${SETTLE_MILLISECONDS});`;
  const container = {
    image: CLUSTER.trainerImage,
    args: ['-e', program, JSON.stringify(targets)],
    terminationMessagePolicy: 'File',
  };
  const { exitCode, message } = await home.run(`probe-${name}`, container, {}, labels);
  if (exitCode !== 0) throw new Error(`the probe ended with ${exitCode}: ${message}`);
  return JSON.parse(message) as readonly string[];
}
