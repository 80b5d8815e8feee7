import type { Network, Parameter, Route } from '../../engine/network.ts';
import { liveExperts } from './gates.ts';

/** Name of the gate in front of level `level` (2 … L + 1; the last one feeds the classes). */
export function gateName(level: number): string {
  return `gate${level}/beta`;
}

/** Name of an expert's tensors, and of its node in a tree. @param level from 1 @param position from 0 */
export function expertName(level: number, position: number): string {
  return `level${level}/expert${position + 1}`;
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

/** What a hard tree costs: scalars, and multiply-adds of one forward pass, of what is alive in it. */
export function liveCost(
  network: Network,
  route: Route,
): { readonly parameters: number; readonly multiplyAdds: number } {
  const parameters = liveParameters(network, route);
  const alive = new Set(parameters.map(({ name }) => name));
  const costs = [...network.layerCosts].filter(([layer]) => alive.has(`${layer}/kernel`));
  return {
    parameters: parameters.reduce((sum, { variable }) => sum + variable.size, 0),
    multiplyAdds: costs.reduce((sum, [, cost]) => sum + cost, 0),
  };
}
