import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Nothing listens there: what goes through this proxy fails at once. */
const DEAD_PROXY = 'http://127.0.0.1:9';

/** Characters that are syntax in URIs, lists, globs and requests. */
export const HOSTILE_NAME = "we!rd #1?a=b%20c,d{1...4};e&f:g'h";

/**
 * An environment such as users have, every part of which has broken a stack of somebody: proxies, the
 * settings of other programs, variables that a server takes for its own.
 */
export async function hostileVariables(folder: string): Promise<Record<string, string>> {
  const home = join(folder, 'user');
  const foreign = {
    '.seaweedfs/filer.toml': `[leveldb2]\nenabled = true\ndir = "${home}/other-filer"\n`,
    '.seaweedfs/security.toml': '[jwt.signing]\nkey = "of another SeaweedFS"\n',
    '.aws/config': '[default]\nregion = nowhere\nendpoint_url = http://127.0.0.1:9\n',
    '.config/temporalio/temporal.toml': '[profile.default]\naddress = "127.0.0.1:9"\n',
  };
  for (const [name, text] of Object.entries(foreign)) {
    await mkdir(join(home, name, '..'), { recursive: true });
    await writeFile(join(home, name), text);
  }
  const proxies = ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY'];
  return {
    ...Object.fromEntries([...proxies, 'all_proxy', 'grpc_proxy'].map((key) => [key, DEAD_PROXY])),
    NO_PROXY: '.corp.example',
    no_proxy: '',
    HOME: home,
    // Flags of weed: pprof on every address, and other places to listen.
    DEBUG: '1',
    IP_BIND: '0.0.0.0',
    METRICSPORT: '20999',
    WEED_LEVELDB2_ENABLED: 'false',
    AWS_PROFILE: 'nobody',
    AWS_SESSION_TOKEN: 'expired',
    AWS_ENDPOINT_URL: DEAD_PROXY,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true',
    MLFLOW_HOST: '0.0.0.0',
    MLFLOW_BACKEND_STORE_URI: `sqlite:///${home}/other.db`,
    MLFLOW_TRACKING_USERNAME: 'nobody',
    UVICORN_HOST: '0.0.0.0',
    MINIO_ADDRESS: '0.0.0.0:20998',
    TEMPORAL_TLS: 'true',
    TEMPORAL_PROFILE: 'nobody',
    NODE_ENV: 'production',
    PYTHONHOME: '/nowhere',
    PYTHONPATH: '/nowhere',
  };
}
