import test from 'ava';
import {
  hoursOf,
  isSpent,
  noteLaunchEnd,
  noteMeasured,
  noteTrialEnd,
  noteTrialStart,
  openAccount,
  readings,
  usedSeconds,
  type DeviceAccount,
} from '../../workflows/device-account.ts';

/** An account of one hour with a trial under way. */
function account(): DeviceAccount {
  const opened = openAccount(1, 0);
  if (opened === undefined) throw new Error('a limit opens an account');
  noteTrialStart(opened, 'a');
  return opened;
}

function measure(device: DeviceAccount, seconds: number): void {
  for (const reading of readings(device)) noteMeasured(device, reading, seconds);
}

test('without a limit there is no account, and nothing is ever spent', (t) => {
  t.is(openAccount(undefined, 100), undefined);
  t.false(isSpent(undefined));
});

test('an account goes on from what was handed on, and is spent at its limit', (t) => {
  const device = openAccount(1, 3599);
  t.false(isSpent(device));
  t.true(isSpent(openAccount(1, 3600)));
});

test('what was measured counts until the launch tells what it used', (t) => {
  const device = account();
  measure(device, 100);
  t.is(usedSeconds(device), 100);
  measure(device, 200);
  t.is(usedSeconds(device), 200);
  noteLaunchEnd(device, { key: 'a', deviceSeconds: 210 });
  t.is(usedSeconds(device), 210);
  measure(device, 50);
  t.is(usedSeconds(device), 260, 'its next launch');
  t.deepEqual(hoursOf(device), { used: 260 / 3600, limit: 1 });
});

test('a measurement that comes after the end of its launch does not count it twice', (t) => {
  const device = account();
  const [asked] = readings(device);
  noteLaunchEnd(device, { key: 'a', deviceSeconds: 100 });
  if (asked !== undefined) noteMeasured(device, asked, 99);
  t.is(usedSeconds(device), 100);
  noteTrialEnd(device, 'a');
  if (asked !== undefined) noteMeasured(device, asked, 99);
  t.is(usedSeconds(device), 100);
});

test('a trial that was terminated counts as far as it was measured', (t) => {
  const device = account();
  measure(device, 100);
  noteTrialEnd(device, 'a');
  t.is(usedSeconds(device), 100);
  t.deepEqual(readings(device), []);
});
