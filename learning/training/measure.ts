import type { EpochRecord } from '../../leg/records.ts';
import type { BatchSource } from '../data/batch.ts';
import type { Network } from '../engine/network.ts';
import { gateEntropy, INTRINSIC_TEMPERATURE } from '../models/explainer/entropy.ts';
import { gateRows } from '../models/explainer/route.ts';
import { ADD_ONS } from '../models/registry.ts';
import { negativeLogLikelihood, top1 } from '../evaluation/scores.ts';
import type { Session } from './session.ts';

type Measures = Pick<EpochRecord, 'validation' | 'test' | 'gates' | 'vam'>;

/** What is measured at the end of every epoch: accuracy, and the state of gates and attention. */
export async function measureEpoch(
  { spec, data, student, predictor }: Session,
  inverseGateTemperature: number,
): Promise<Measures> {
  const score = async (source: BatchSource, images: Uint32Array) => {
    const predictions = await predictor.predict({ inverseGateTemperature }, source, images);
    return { top1: top1(predictions), nll: negativeLogLikelihood(predictions) };
  };
  const { validation, test } = data.split;
  return {
    ...(validation.length === 0 ? {} : { validation: await score(data.train, validation) }),
    test: await score(data.test, test),
    ...(student.gates === 'soft'
      ? { gates: gateEntropies(student.network, inverseGateTemperature) }
      : {}),
    ...(spec.vam === undefined ? {} : { vam: ADD_ONS.vam.measure(student.network) }),
  };
}

/** Mean normalised entropy of every gate, at the fixed temperature and at the epoch's own. */
function gateEntropies(
  network: Network,
  inverseGateTemperature: number,
): NonNullable<EpochRecord['gates']> {
  return gateRows(network).map((rows, index) => ({
    level: index + 2,
    intrinsic: gateEntropy(rows, INTRINSIC_TEMPERATURE).mean,
    asTrained: gateEntropy(rows, 1 / inverseGateTemperature).mean,
  }));
}
