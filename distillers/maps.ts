import type { MapShape } from '../study/models/family.ts';
import type { Pair } from './contract.ts';

/** Maps at the ends of the stages: all but the stem's. */
export function stageMaps<Map>(maps: readonly Map[]): readonly Map[] {
  return maps.slice(1);
}

/** Why a pair has no maps to compare; undefined where both have some. */
export function missingMaps({ student, teacher }: Pair): string | undefined {
  const empty = (maps: readonly MapShape[]): boolean => stageMaps(maps).length === 0;
  if (!empty(student.maps) && !empty(teacher.maps)) return undefined;
  return `the ${empty(student.maps) ? 'student' : 'teacher'} has no feature maps; allowed: networks of stages (resnet, wrn)`;
}

/** A map's shape as text. */
export function mapText([height, width, channels]: MapShape): string {
  return `${height} × ${width} × ${channels}`;
}
