// Plain JavaScript: the launcher of `scripts/` runs it on whichever Node starts it.

/** @typedef {Record<string, string | undefined>} Variables */

/** What names this machine itself, in the spellings that clients compare with. */
const LOOPBACK = ['127.0.0.1', 'localhost', '::1'];

/** Lists of hosts that need no proxy. gRPC reads the last one, where it is set, instead of the others. */
const EXEMPTIONS = ['no_proxy', 'NO_PROXY', 'no_grpc_proxy'];

/**
 * The variables that keep requests to this machine out of a proxy, whatever proxy variable is set and
 * whichever client reads it. What the user exempts stays exempted; other hosts still use the proxy.
 * @param {Readonly<Variables>} variables
 * @returns {Record<string, string>}
 */
export function loopbackExemptions(variables) {
  const shared = variables['no_proxy'] || variables['NO_PROXY'];
  const entries = EXEMPTIONS.map((name) => [name, exempting(variables[name] || shared || '')]);
  return Object.fromEntries(entries);
}

/** @param {string} hosts separated by commas */
function exempting(hosts) {
  const present = hosts.split(',').map((host) => host.trim());
  const all = [...present, ...LOOPBACK.filter((host) => !present.includes(host))];
  return all.filter((host) => host !== '').join(',');
}
