import type { FeatureShapes, MapShape } from '../study/models/family.ts';
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

/** The map that is pooled into the embedding: at the size of the last stage, whatever follows that. */
export function lastMapShape({ maps, embedding }: FeatureShapes): MapShape | undefined {
  const [height, width] = maps.at(-1) ?? [];
  if (height === undefined || width === undefined || embedding === undefined) return undefined;
  return [height, width, embedding];
}
