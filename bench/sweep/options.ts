import { parseNames } from '../options.ts';

/** Others who run sweeps, on the machine that the bench runs on. */
export const PEER_NAMES = ['optuna', 'prefect', 'ray', 'metaflow'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** What `bench sweep` is asked for. */
export type SweepOptions = {
  readonly trials: number;
  readonly parallel: number;
  readonly legs: number;
  readonly legSeconds: number;
  readonly peerTrials: number;
  readonly peers: readonly PeerName[];
};

/** Reads the names of `--peers`. @throws KdxError SpecInvalid */
export function parsePeers(value: string): readonly PeerName[] {
  return parseNames('--peers', value, PEER_NAMES);
}
