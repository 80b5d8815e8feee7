import type { KubeApi } from './api.ts';

/** Of a pod that could not keep its log itself, so much is kept. */
const TAIL_LINES = 500;
const TAIL_BYTES = 65_536;

/** The last lines of a pod's log. @throws KubeError where there is none any more */
export async function readLogTail(
  api: KubeApi,
  { namespace, pod, container }: Readonly<Record<'namespace' | 'pod' | 'container', string>>,
): Promise<Uint8Array> {
  const lines: string[] = [];
  const request = {
    method: 'GET',
    path: `/api/v1/namespaces/${namespace}/pods/${pod}/log`,
    query: { container, tailLines: TAIL_LINES },
  } as const;
  for await (const line of api.lines(request)) lines.push(line);
  const bytes = new TextEncoder().encode(lines.map((line) => `${line}\n`).join(''));
  return bytes.subarray(Math.max(0, bytes.length - TAIL_BYTES));
}
