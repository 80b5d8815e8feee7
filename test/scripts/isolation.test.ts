import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { execa } from 'execa';
import { pipSettings, uvEnvironment } from '../../scripts/setup/isolation.mjs';

const ROOT = join(import.meta.dirname, '../..');

async function temporaryFolder(t: { teardown(undo: () => Promise<void>): void }): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-isolation-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs a few lines with functions of set-up in a process of their own, under a user's variables. */
function inProcess(program: string, env: Readonly<Record<string, string>>) {
  const source = program.replaceAll('ROOT/', `${ROOT}/`);
  return execa(process.execPath, ['--input-type=module', '-e', source], { env, reject: false });
}

/** A checkout whose only package is for development, as a tarball beside it. */
async function smallCheckout(folder: string): Promise<void> {
  await mkdir(join(folder, 'dev'));
  await writeFile(join(folder, 'dev/package.json'), '{"name":"dev","version":"1.0.0"}');
  await execa('npm', ['pack', './dev', '--pack-destination', folder], { cwd: folder });
  const tarball = await readFile(join(folder, 'dev-1.0.0.tgz'));
  const integrity = `sha512-${createHash('sha512').update(tarball).digest('base64')}`;
  const root = { name: 'small', version: '1.0.0', devDependencies: { dev: 'file:dev-1.0.0.tgz' } };
  const dev = { version: '1.0.0', resolved: 'file:dev-1.0.0.tgz', integrity, dev: true };
  const lock = {
    ...{ name: 'small', version: '1.0.0', lockfileVersion: 3, requires: true },
    packages: { '': root, 'node_modules/dev': dev },
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify(root));
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify(lock));
}

const PROVIDE = `
  import { providePackages } from 'ROOT/scripts/setup/packages.mjs';
  await providePackages(process.env.CHECKOUT, console.log);`;

test('npm installs all packages, once, whatever of NODE_ENV and its like is set', async (t) => {
  const folder = await temporaryFolder(t);
  await smallCheckout(folder);
  await writeFile(join(folder, '.npmrc'), 'omit=dev\ndry-run=true\n');
  const env = {
    CHECKOUT: folder,
    NODE_ENV: 'production',
    npm_config_production: 'true',
    npm_config_omit: 'dev',
    NPM_CONFIG_GLOBAL: 'true',
    npm_config_dry_run: 'true',
    npm_config_package_lock: 'false',
  };
  const first = await inProcess(PROVIDE, env);
  t.is(first.stdout, 'npm ci', first.stderr);
  const installed = join(folder, 'node_modules/dev/package.json');
  const { ino } = await stat(installed);
  t.is((await inProcess(PROVIDE, env)).stdout, '', 'nothing is left to do');
  t.is((await stat(installed)).ino, ino);
});

test('packages are never replaced under a process that uses them', async (t) => {
  const folder = await temporaryFolder(t);
  await smallCheckout(folder);
  await inProcess(PROVIDE, { CHECKOUT: folder });
  await mkdir(join(folder, 'bin'));
  await writeFile(join(folder, 'bin/worker.mjs'), 'setInterval(() => {}, 1000); console.log("up")');
  const worker = execa(process.execPath, ['bin/worker.mjs'], { cwd: folder, reject: false });
  t.teardown(async () => {
    worker.kill('SIGKILL');
    await worker;
  });
  await new Promise((resolve) => worker.stdout.once('data', resolve));
  const record = join(folder, 'node_modules/.package-lock.json');
  await writeFile(record, '{"packages":{}}');
  const { stdout, stderr, exitCode } = await inProcess(PROVIDE, { CHECKOUT: folder });
  t.is(exitCode, 1);
  t.is(stdout, '');
  t.true(stderr.includes(`is in use by process ${worker.pid}: end it first`), stderr);
  t.is(await readFile(record, 'utf8'), '{"packages":{}}');
});

const FETCHED = `
  import { pip } from 'ROOT/scripts/setup/pip.mjs';
  console.log(await pip(['config', 'list']));
  console.log(await pip(['download', '--help']).then(() => 'runs', (error) => error.message));`;

test('pip keeps the index and the certificates of the user, and none of the rest', async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, 'pip'));
  const lines = [
    ...['[global]', 'index-url = https://index.example/simple', 'require-virtualenv = true'],
    ...['user = true', '[install]', 'target = /nowhere', 'cert = /ca.pem'],
  ];
  await writeFile(join(folder, 'pip/pip.conf'), `${lines.join('\n')}\n`);
  const { stdout, stderr } = await inProcess(FETCHED, {
    XDG_CONFIG_HOME: folder,
    PIP_REQUIRE_VIRTUALENV: 'true',
    PIP_USER: '1',
    PIP_TARGET: '/nowhere',
    PIP_DRY_RUN: '1',
    PIP_TRUSTED_HOST: 'index.example',
    PIP_CERT: '',
    PYTHONHOME: '/nowhere',
  });
  t.regex(stdout, /^:env:\.index-url='https:\/\/index\.example\/simple'$/m, stderr);
  t.regex(stdout, /^:env:\.trusted-host='index\.example'$/m);
  t.regex(stdout, /^runs$/m, 'no virtual environment is asked for');
  t.regex(stdout, /^:env:\.cert='\/ca\.pem'$/m);
  t.notRegex(stdout, /virtualenv|user|target|dry-run/);
});

test('pip’s settings: a command’s section comes before the global one, a variable before both', (t) => {
  const all = {
    ':env:.cert': '/env.pem',
    'global.cert': '/global.pem',
    'download.cert': '/download.pem',
    'global.extra-index-url': '\nhttps://a/simple\nhttps://b/simple',
    'global.index-url': 'https://global/simple',
    'install.index-url': 'https://install/simple',
    'global.target': '/nowhere',
    ':env:.proxy': '',
  };
  t.deepEqual(pipSettings(all), {
    cert: '/env.pem',
    'extra-index-url': 'https://a/simple https://b/simple',
    'index-url': 'https://install/simple',
  });
});

test('uv is told pip’s index and certificates, unless it has its own', (t) => {
  const pip = { 'index-url': 'https://pip/simple', cert: '/pip.pem' };
  const variables = { UV_PYTHON: '3.8', UV_TARGET: '/x', VIRTUAL_ENV: '/venv', PATH: '/bin' };
  t.deepEqual(uvEnvironment(variables, pip), {
    UV_PYTHON: undefined,
    UV_TARGET: undefined,
    VIRTUAL_ENV: undefined,
    UV_DEFAULT_INDEX: 'https://pip/simple',
    SSL_CERT_FILE: '/pip.pem',
    UV_NO_CONFIG: '1',
  });
  const own = { UV_DEFAULT_INDEX: 'https://uv/simple', SSL_CERT_FILE: '/own.pem' };
  t.deepEqual(uvEnvironment(own, pip), { UV_NO_CONFIG: '1' }, 'what is not changed is kept');
});
