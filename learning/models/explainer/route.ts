import type { Network, Parameter, Route } from '../../engine/network.ts';
import { liveExperts } from './gates.ts';

/** Name of the gate in front of level `level` (2 … L + 1; the last one feeds the classes). */
export function gateName(level: number): string {
  return `gate${level}/beta`;
}

/** β of every gate as rows, read from the device: not for use inside a step. */
export function gateRows(network: Network): number[][][] {
  const gates = [...network.trainable.values()].filter(({ group }) => group === 'gates');
  return gates.map(({ variable }) => variable.arraySync() as number[][]);
}

/** The hard tree of a network's gates: every consumer's strongest expert, the lowest on ties. */
export function routeOf(network: Network): Route {
  return { parents: routeFromRows(gateRows(network)) };
}

/** The same for gates at hand. */
export function routeFromRows(gates: readonly (readonly (readonly number[])[])[]): number[][] {
  return gates.map((rows) => rows.map((row) => row.indexOf(Math.max(...row))));
}

const EXPERT = /^level(\d+)\/expert(\d+)\//;

/** Parameters that a routed pass computes with: the weights of live experts and of the heads. */
export function liveParameters(network: Network, route: Route): Parameter[] {
  const live = liveExperts(route);
  return [...network.trainable.values()].filter(({ name, group }) => {
    if (group === 'gates') return false;
    const match = EXPERT.exec(name);
    return match === null || live[Number(match[1]) - 1]?.has(Number(match[2]) - 1) === true;
  });
}
