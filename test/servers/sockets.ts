import { readdir, readFile, readlink } from 'node:fs/promises';

/** A TCP socket that waits for connections. */
export type Listener = { readonly pid: number; readonly address: string; readonly port: number };

const LISTEN = '0A';

/** Every listening TCP socket of some processes, IPv4 and IPv6, as the kernel has it. */
export async function listenersOf(pids: readonly number[]): Promise<readonly Listener[]> {
  const [tables, owners] = await Promise.all([
    Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8'))),
    socketOwners(pids),
  ]);
  const rows = tables.flatMap((table) => table.trim().split('\n').slice(1));
  return rows.flatMap((row) => {
    const [, local = '', , state, , , , , , inode = ''] = row.trim().split(/\s+/);
    const pid = owners.get(inode);
    if (state !== LISTEN || pid === undefined) return [];
    const [address = '', port = ''] = local.split(':');
    return [{ pid, address: addressOf(address), port: Number.parseInt(port, 16) }];
  });
}

/** Inode of every socket that one of the processes has open. */
async function socketOwners(pids: readonly number[]): Promise<ReadonlyMap<string, number>> {
  const found = await Promise.all(
    pids.map(async (pid) => {
      const names = await readdir(`/proc/${pid}/fd`).catch(() => []);
      const targets = await Promise.all(
        names.map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
      );
      return targets.flatMap((target) => {
        const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1];
        return inode === undefined ? [] : [[inode, pid] as const];
      });
    }),
  );
  return new Map(found.flat());
}

/** IPv4 as people write it; IPv6 as the kernel prints it. */
function addressOf(hex: string): string {
  return hex.length === 8 ? Buffer.from(hex, 'hex').reverse().join('.') : hex;
}
