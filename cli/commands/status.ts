import { Command } from 'commander';
import { addressLines } from '../../stack/addresses.ts';
import { checkVariables } from '../../environment/environment.ts';
import { isAlive } from '../../stack/identity.ts';
import { layoutOf } from '../../stack/layout.ts';
import { readRunning } from '../../stack/record.ts';
import type { StackRecord } from '../../stack/record.ts';

const NOT_UP = 3;

/** `kdx status`: exit 0 when every server is ready, 1 when one is not, 3 when the stack is down. */
export function statusCommand(): Command {
  return new Command('status')
    .description('servers, addresses, processes, health (exit 0 ready, 1 not all ready, 3 down)')
    .option('--json', 'for programs')
    .action(async ({ json }: { readonly json?: boolean }) => {
      checkVariables(process.env);
      const record = await readRunning(layoutOf(process.env));
      const up = record !== undefined;
      const services = (record?.services ?? []).map(withHealth);
      const healthy = up && services.every(({ state }) => state === 'ready');
      process.exitCode = healthy ? 0 : up ? 1 : NOT_UP;
      if (json === true) {
        process.stdout.write(`${JSON.stringify({ up, healthy, ...record, services }, null, 2)}\n`);
      } else {
        process.stdout.write(record === undefined ? 'down (kdx up starts it)\n' : table(record));
      }
    });
}

type RecordedService = StackRecord['services'][number];

/** What the supervisor wrote a moment ago may be dead by now. */
function withHealth(service: RecordedService): RecordedService {
  const { pid, startTicks } = service;
  const alive = pid !== undefined && startTicks !== undefined && isAlive({ pid, startTicks });
  return service.state === 'ready' && !alive ? { ...service, state: 'restarting' } : service;
}

function table(record: StackRecord): string {
  const rows = record.services.map(withHealth).map(({ name, state, pid, restarts, address }) => {
    const again = restarts === 0 ? '' : `  started again ${restarts} times`;
    return `${name.padEnd(9)} ${state.padEnd(11)} ${String(pid ?? '').padEnd(8)} ${address}${again}`;
  });
  const supervisor = `supervisor pid ${record.pid}, up since ${record.startedAt}`;
  return `${[...rows, '', ...addressLines(record), supervisor].join('\n')}\n`;
}
