// npm, pip and uv as set-up calls them: where packages come from (index, proxy, certificates) is the
// user's, what is done with them (where to, which of them, whether at all) is ours.
import { devNull } from 'node:os';
import { run } from './command.mjs';

/** @typedef {Record<string, string | undefined>} Variables */
/** @typedef {Readonly<Record<string, string>>} PipSettings */

/** Of npm's settings, those that say where packages come from. */
const NPM_KEPT =
  /^npm_config_(registry|_|\/\/|@.*registry|https?_?proxy|proxy|noproxy|ca|cafile|cert|key|strict_ssl|userconfig|globalconfig|cache$|fetch_|offline|prefer_o|maxsockets|local_address)/i;
/** What a user's own npmrc may say and must not decide here. */
export const NPM_CI = [
  ...['ci', '--ignore-scripts', '--no-audit', '--no-fund'],
  ...['--include=dev', '--include=optional', '--include=peer', '--legacy-peer-deps=false'],
  ...['--global=false', '--dry-run=false', '--package-lock=true', '--package-lock-only=false'],
  ...['--install-strategy=hoisted', '--bin-links=true', '--os=linux', '--cpu=x64'],
];

/** Of pip's settings, those that say where packages come from. */
const PIP_KEPT = [
  ...['index-url', 'extra-index-url', 'no-index', 'find-links', 'trusted-host', 'proxy'],
  ...['cert', 'client-cert', 'timeout', 'default-timeout', 'retries', 'keyring-provider'],
  ...['use-feature', 'disable-pip-version-check'],
];
const UV_KEPT =
  /^UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INDEX_.*_(USERNAME|PASSWORD)|FIND_LINKS|NO_INDEX|NATIVE_TLS|SYSTEM_CERTS|INSECURE_HOST|KEYRING_PROVIDER|HTTP_.*|OFFLINE|CONCURRENT_.*)$/;

/**
 * Changes to the environment for npm: NODE_ENV and its like would leave packages out.
 * @param {Variables} variables
 * @returns {Variables}
 */
export function npmEnvironment(variables) {
  return without(
    variables,
    (name) => name === 'NODE_ENV' || (/^npm_config_/i.test(name) && !NPM_KEPT.test(name)),
  );
}

/**
 * Changes to the environment for Python's pip: of its settings, whether in variables or in files, only
 * those are left that say where packages come from.
 * @param {Variables} variables
 * @param {PipSettings} settings
 * @returns {Variables}
 */
export function pipEnvironment(variables, settings) {
  const kept = Object.entries(settings).map(([name, value]) => {
    return [`PIP_${name.toUpperCase().replaceAll('-', '_')}`, value];
  });
  return {
    ...without(variables, (name) => /^(PIP_|PYTHON)/.test(name)),
    ...Object.fromEntries(kept),
    PIP_CONFIG_FILE: devNull,
  };
}

/**
 * Changes to the environment for uv, which knows nothing of pip's settings: it is told of them.
 * @param {Variables} variables
 * @param {PipSettings} settings
 * @returns {Variables}
 */
export function uvEnvironment(variables, settings) {
  const cert = settings['cert'];
  const isOffline = /^(1|true|yes|on)$/i.test(settings['no-index'] ?? '');
  /** @type {Variables} */
  const told = {
    UV_DEFAULT_INDEX: settings['index-url'],
    UV_EXTRA_INDEX_URL: settings['extra-index-url'],
    UV_INSECURE_HOST: settings['trusted-host'],
    // Without an index there is nothing else; with one, a folder that is missing would be an error.
    ...(isOffline
      ? { UV_NO_INDEX: '1', UV_FIND_LINKS: settings['find-links']?.split(/\s+/).join(',') }
      : {}),
    ALL_PROXY: settings['proxy'],
    SSL_CERT_FILE: cert,
  };
  const unsaid = Object.entries(told).filter(
    ([name, value]) => value !== undefined && variables[name] === undefined,
  );
  const saysIndex = variables['UV_INDEX_URL'] !== undefined;
  return {
    ...without(
      variables,
      (name) =>
        /^(PIP_|PYTHON)/.test(name) ||
        (name.startsWith('UV_') && !UV_KEPT.test(name)) ||
        ['VIRTUAL_ENV', 'CONDA_PREFIX'].includes(name),
    ),
    ...Object.fromEntries(unsaid.filter(([name]) => !saysIndex || name !== 'UV_DEFAULT_INDEX')),
    UV_NO_CONFIG: '1',
  };
}

/**
 * All settings of pip as JSON. `pip config list` would obey some of them: with `user = true` it lists one
 * file only.
 */
const LIST_SETTINGS = `
import json
from pip._internal.configuration import Configuration
configuration = Configuration(isolated=False)
configuration.load()
print(json.dumps(dict(configuration.items())))`;

/**
 * pip's settings that say where packages come from, from its files and variables.
 * @returns {Promise<PipSettings>}
 */
export async function readPipSettings() {
  const env = without(process.env, (name) => name.startsWith('PYTHON'));
  return pipSettings(JSON.parse(await run('python3', ['-c', LIST_SETTINGS], { env })));
}

/**
 * @param {Readonly<Record<string, string>>} all by `section.name`, as pip has them; `:env:` are variables
 * @returns {PipSettings}
 */
export function pipSettings(all) {
  const entries = Object.entries(all).flatMap(([place, value]) => {
    const [, section = '', name = ''] = /^(.+)\.([a-z-]+)$/.exec(place) ?? [];
    // Values of several lines are lists.
    const text = String(value).trim().split(/\s+/).join(' ');
    return PIP_KEPT.includes(name) && text !== '' ? [{ section, name, text }] : [];
  });
  // A command's section comes before the global one, a variable before both.
  const rank = (/** @type {string} */ section) =>
    section === ':env:' ? 2 : section === 'global' ? 0 : 1;
  const ordered = entries.toSorted((a, b) => rank(a.section) - rank(b.section));
  return Object.fromEntries(ordered.map(({ name, text }) => [name, text]));
}

/**
 * @param {Variables} variables
 * @param {(name: string) => boolean} isUnwanted
 * @returns {Variables} those to be removed, as undefined
 */
function without(variables, isUnwanted) {
  const unwanted = Object.keys(variables).filter(isUnwanted);
  return Object.fromEntries(unwanted.map((name) => [name, undefined]));
}
