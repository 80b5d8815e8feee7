import test from 'ava';
import { loopbackExemptions } from '../../environment/loopback.mjs';

const LOOPBACK = '127.0.0.1,localhost,::1';

test('without exemptions this machine is the only one', (t) => {
  t.deepEqual(loopbackExemptions({ http_proxy: 'http://proxy:3128' }), {
    no_proxy: LOOPBACK,
    NO_PROXY: LOOPBACK,
    no_grpc_proxy: LOOPBACK,
  });
});

test('what the user exempts stays exempted, in every spelling that a client may read', (t) => {
  const read = loopbackExemptions({ NO_PROXY: '.corp, localhost', no_grpc_proxy: 'grpc.corp' });
  t.deepEqual(read, {
    no_proxy: '.corp,localhost,127.0.0.1,::1',
    NO_PROXY: '.corp,localhost,127.0.0.1,::1',
    no_grpc_proxy: `grpc.corp,${LOOPBACK}`,
  });
});

test('exempting twice changes nothing', (t) => {
  const once = loopbackExemptions({ no_proxy: 'a' });
  t.deepEqual(loopbackExemptions(once), once);
});
