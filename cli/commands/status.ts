import { Command } from 'commander';
import { addressLines } from '../../stack/addresses.ts';
import { checkVariables } from '../../environment/environment.ts';
import { isAlive } from '../../stack/identity.ts';
import { diskProblem } from '../../stack/disk.ts';
import { layoutOf } from '../../stack/layout.ts';
import type { Layout } from '../../stack/layout.ts';
import { probeStack } from '../../stack/probes.ts';
import { probeServers, serverLines } from '../server-status.ts';
import { findServers, type Servers } from '../servers.ts';
import { readRunning } from '../../stack/record.ts';
import type { StackRecord } from '../../stack/record.ts';

const NOT_UP = 3;

/**
 * `kdx status`: exit 0 when every server is ready, 1 when one is not, 3 when the stack is down. Where
 * variables name other servers, those are asked.
 */
export function statusCommand(): Command {
  return new Command('status')
    .description('servers, addresses, processes, health (exit 0 ready, 1 not all ready, 3 down)')
    .option('--json', 'for programs')
    .action(async ({ json }: { readonly json?: boolean }) => {
      checkVariables(process.env);
      const servers = await findServers(process.env);
      if (servers?.origin === 'variables') return await tellElsewhere(servers, json === true);
      const layout = layoutOf(process.env);
      const record = await readRunning(layout);
      const { services, disk } = await healthOf(layout, record);
      const up = record !== undefined;
      const healthy = up && disk === undefined && services.every(({ state }) => state === 'ready');
      process.exitCode = healthy ? 0 : up ? 1 : NOT_UP;
      if (json === true) {
        const answer = {
          up,
          healthy,
          ...record,
          services,
          ...(disk === undefined ? {} : { disk }),
        };
        process.stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
        return;
      }
      const text = record === undefined ? 'down (kdx up starts it)' : table(record, services);
      process.stdout.write(`${[text, ...(disk === undefined ? [] : [disk])].join('\n')}\n`);
    });
}

/** Servers that variables name have no supervisor here: they are asked, and that is all. */
async function tellElsewhere(servers: Servers, json: boolean): Promise<void> {
  const services = await probeServers(servers, process.env);
  // MLflow is waited for by nothing.
  const failing = services.filter(
    ({ name, problem }) => name !== 'mlflow' && problem !== undefined,
  );
  process.exitCode = failing.length === 0 ? 0 : 1;
  const answer = { healthy: failing.length === 0, services };
  const text = json ? JSON.stringify(answer, null, 2) : serverLines(services).join('\n');
  process.stdout.write(`${text}\n`);
}

type Recorded = StackRecord['services'][number];
/** As the supervisor sees a server, and as it answers: a process can be there and do nothing. */
type Seen = Omit<Recorded, 'state'> & { readonly state: Recorded['state'] | 'failing' };

async function healthOf(layout: Layout, record: StackRecord | undefined) {
  const disk = await diskProblem(layout);
  if (record === undefined) return { services: [], disk };
  const alive = record.services.map(withHealth);
  const problems = await probeStack(layout, { ...record, services: alive });
  const services = alive.map((service): Seen => {
    const cause = problems[service.name];
    return cause === undefined ? service : { ...service, state: 'failing', cause };
  });
  return { services, disk };
}

/** What the supervisor wrote a moment ago may be dead by now. */
function withHealth(service: Recorded): Recorded {
  const { pid, startTicks } = service;
  const alive = pid !== undefined && startTicks !== undefined && isAlive({ pid, startTicks });
  return service.state === 'ready' && !alive ? { ...service, state: 'restarting' } : service;
}

function table(record: StackRecord, services: readonly Seen[]): string {
  const rows = services.map(({ name, state, pid, restarts, address, cause }) => {
    const again = restarts === 0 ? '' : `  started again ${restarts} times`;
    const why = state === 'ready' || cause === undefined ? '' : `  ${cause}`;
    return `${name.padEnd(9)} ${state.padEnd(11)} ${String(pid ?? '').padEnd(8)} ${address}${again}${why}`;
  });
  const supervisor = `supervisor pid ${record.pid}, up since ${record.startedAt}`;
  return [...rows, '', ...addressLines(record), supervisor].join('\n');
}
