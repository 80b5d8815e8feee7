import type { Place } from '../leg/spec.ts';
import type { DeviceKind } from '../study/catalog.ts';
import type { JobSettings } from './settings.ts';

/** Where legs on a device can run in a cluster, the preferred place first; none where it has no such device. */
export function placesIn(
  { flavours, pool = [] }: JobSettings,
  device: DeviceKind,
): readonly Place[] {
  const names = flavours.filter((flavour) => flavour.device === device).map(({ name }) => name);
  const pooled = names.filter((name) => pool.includes(name));
  return [
    ...(names.length === 0 ? [] : [{ executor: 'kubernetes', flavours: names } as const]),
    ...(pooled.length === 0 ? [] : [{ executor: 'pool', flavours: pooled } as const]),
  ];
}
