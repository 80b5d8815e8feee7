import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import test, { type ExecutionContext } from 'ava';

import { readTemporalEnvironment } from '../../environment/temporal.ts';

const KEY = 'key-9f2c-secret';

async function configFile(t: ExecutionContext, text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'kdx-temporal-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const path = join(folder, 'temporal.toml');
  await writeFile(path, text);
  return path;
}

const CLOUD = `
[profile.default]
address = "default.example:7233"
[profile.cloud]
address = "cloud.example:7233"
namespace = "team.a1b2c"
api_key = "${KEY}"
`;

test('an address alone is a server without TLS, in the namespace "default"', (t) => {
  const temporal = readTemporalEnvironment({ KDX_TEMPORAL_ADDRESS: '127.0.0.1:7233' });
  t.deepEqual(temporal, { address: '127.0.0.1:7233', namespace: 'default' });
});

test('a profile gives address, namespace and API key, and with the key TLS', async (t) => {
  const file = await configFile(t, CLOUD);
  const temporal = readTemporalEnvironment({
    TEMPORAL_CONFIG_FILE: file,
    TEMPORAL_PROFILE: 'cloud',
  });
  t.deepEqual(temporal, {
    address: 'cloud.example:7233',
    namespace: 'team.a1b2c',
    apiKey: KEY,
    tls: true,
  });
});

test('KDX_ variables go before TEMPORAL_ variables, and those before the profile', async (t) => {
  const file = { TEMPORAL_CONFIG_FILE: await configFile(t, CLOUD), TEMPORAL_PROFILE: 'cloud' };
  const temporal = { ...file, TEMPORAL_ADDRESS: 'b.example:7233', TEMPORAL_NAMESPACE: 'b' };
  const kdx = { ...temporal, KDX_TEMPORAL_ADDRESS: 'c.example:7233', KDX_TEMPORAL_NAMESPACE: 'c' };
  const places = [file, temporal, kdx].map(readTemporalEnvironment);
  t.deepEqual(
    places.map(({ address, namespace }) => [address, namespace]),
    [
      ['cloud.example:7233', 'team.a1b2c'],
      ['b.example:7233', 'b'],
      ['c.example:7233', 'c'],
    ],
  );
  t.true(places.every(({ apiKey }) => apiKey === KEY));
});

test('credentials of a file that nobody named are not sent to an address of ours', async (t) => {
  const home = join(await configFile(t, ''), '..');
  await mkdir(join(home, 'temporalio'));
  const file = join(home, 'temporalio', 'temporal.toml');
  await writeFile(file, `[profile.default]\napi_key = "${KEY}"\n`);
  const variables = { XDG_CONFIG_HOME: home, KDX_TEMPORAL_ADDRESS: '127.0.0.1:7233' };
  t.is(readTemporalEnvironment(variables).apiKey, undefined);
  t.is(readTemporalEnvironment({ ...variables, TEMPORAL_PROFILE: 'default' }).apiKey, KEY);
});

test('a certificate with its key, an authority and a server name are options of TLS', (t) => {
  const { tls } = readTemporalEnvironment({
    KDX_TEMPORAL_ADDRESS: 'temporal.example:7233',
    TEMPORAL_TLS_CLIENT_CERT_DATA: 'certificate',
    TEMPORAL_TLS_CLIENT_KEY_DATA: 'key',
    TEMPORAL_TLS_SERVER_CA_CERT_DATA: 'authority',
    TEMPORAL_TLS_SERVER_NAME: 'frontend',
  });
  t.like(tls, {
    serverNameOverride: 'frontend',
    serverRootCACertificate: new TextEncoder().encode('authority'),
    clientCertPair: {
      crt: new TextEncoder().encode('certificate'),
      key: new TextEncoder().encode('key'),
    },
  });
});

for (const [what, variables, message] of [
  [
    'an absent address',
    {},
    'KDX_TEMPORAL_ADDRESS (or TEMPORAL_ADDRESS, or a profile): not set; it must be host:port',
  ],
  [
    'TEMPORAL_TLS=yes, which would turn TLS off',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS: 'yes' },
    'TEMPORAL_TLS: "yes" is not 1, true, 0 or false',
  ],
  [
    'a configuration file that is not there',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' },
    'TEMPORAL_CONFIG_FILE: there is no file /nowhere/temporal.toml',
  ],
  [
    'a certificate without its key',
    { TEMPORAL_ADDRESS: 'a:1', TEMPORAL_TLS_CLIENT_CERT_DATA: 'certificate' },
    'TEMPORAL_TLS_CLIENT_KEY_PATH or TEMPORAL_TLS_CLIENT_KEY_DATA: not set; certificate and key go together',
  ],
] as const) {
  test(`${what} is refused`, (t) => {
    const nowhere = { XDG_CONFIG_HOME: '/nowhere' };
    t.throws(() => readTemporalEnvironment({ ...nowhere, ...variables }), {
      code: 'Configuration',
      message,
    });
  });
}

test('a file that is not TOML is refused by line, and the line is not repeated', async (t) => {
  const file = await configFile(t, `[profile.default]\napi_key = ${KEY} x\n`);
  const error = t.throws(() => readTemporalEnvironment({ TEMPORAL_CONFIG_FILE: file }));
  t.is(error.message, "Temporal's settings: the configuration file is not TOML at line 2");
  t.is(error.cause, undefined);
});
