import type { TrialState } from '../../study/status.ts';
import { unpackStates, unpackTop1 } from '../../study/packed.ts';
import { secondsLeft } from '../device-account.ts';
import { pause, setState, type Entry, type StudyRun } from '../state.ts';
import { tellOthers, tellParts } from './study.ts';
import type { PartState } from './state.ts';
import type { PartWord } from './word.ts';

/** Notes in a study what one of its parts says. */
export function hearPart(run: StudyRun, word: PartWord): void {
  const part = run.parts?.list[word.part - 1];
  // A word that comes after the end of its part says nothing new of slots.
  if (part?.state !== 'open') return;
  part.lent -= word.returned;
  part.reclaimed = Math.max(0, part.reclaimed - word.returned);
  part.wanted = word.wanted;
  run.launches += word.launches - part.launches;
  part.launches = word.launches;
  noteDeviceSeconds(run, part, word);
  noteTrials(run, part, word);
  if (word.pausedBecause !== undefined && !run.paused) {
    pause(run, word.pausedBecause);
    tellParts(run, { paused: true });
  }
}

/** What one part uses, the others do not have. */
function noteDeviceSeconds(run: StudyRun, part: PartState, { deviceSeconds }: PartWord): void {
  const { device } = run;
  if (device === undefined || deviceSeconds === part.deviceSeconds) return;
  device.endedSeconds += deviceSeconds - part.deviceSeconds;
  part.deviceSeconds = deviceSeconds;
  tellOthers(run, part, { deviceSecondsLeft: secondsLeft(device) });
}

function noteTrials(run: StudyRun, { plan }: PartState, { states, top1, failed }: PartWord): void {
  const accuracies = unpackTop1(top1);
  const reasons = new Map(failed.map(({ at, failure }) => [at, failure]));
  for (const [at, state] of unpackStates(states).entries()) {
    const entry = run.entries.get(plan.ids[at] ?? '');
    if (entry === undefined) continue;
    const failure = reasons.get(at);
    if (failure !== undefined) entry.failure = failure;
    noteTrial(run, entry, state, accuracies[at]);
  }
}

/** Moves a trial of a part to where it stands there. */
export function noteTrial(
  run: StudyRun,
  entry: Entry,
  state: TrialState,
  top1: number | undefined,
): void {
  if (entry.state === state) return;
  if (state !== 'failed') delete entry.failure;
  if (state === 'complete' || state === 'found') {
    const metrics = top1 === undefined ? {} : { top1 };
    // Its key and files are known to its part, and to the store.
    entry.result = { key: '', status: 'complete', metrics, files: {} };
  }
  setState(run, entry, state);
}
