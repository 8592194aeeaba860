/** Goal: one sentence says why an instance is awake or asleep, in the past by what was known then. Method: records with each state. */
import { expect, test } from 'vitest';
import { type AwakeCause, isAwake } from '../../machines/wakefulness.ts';
import type { ShownRecord } from '../../src/gateway/inspector/model/record-window.ts';
import { type SleepMoment, sleepMoment } from '../../src/gateway/inspector/model/sleep-words.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { recordedLives } from './recorded-life.ts';

const [PATTERN] = recordedLives()[0]!;
const AT = 1_000_000;
const RUNNING = { lifecycle: { running: 'steady' } };

interface Situation {
  readonly value: object;
  readonly context?: object;
  readonly standby?: object;
  readonly idleDue?: number;
  readonly connections?: number;
  /** What the status of standby says of the present. */
  readonly why_awake?: AwakeCause;
}

function momentOf({ value, context = {}, standby = {}, idleDue, connections, why_awake }: Situation): SleepMoment {
  const { state } = PATTERN!;
  const timers = idleDue === undefined ? [] : [{ name: 'timer.idle' as const, due: idleDue, armed: 1 }];
  const record = {
    ...PATTERN,
    at: AT,
    state: {
      value,
      timers,
      context: { ...state.context, ...context, standby: { ...state.context.standby, ...standby } },
    },
  };
  const isPresent = connections !== undefined || why_awake !== undefined;
  const seen = isPresent ? { why_awake: why_awake ?? null, active_inbound_connections: connections ?? 0 } : null;
  return sleepMoment(record as unknown as ShownRecord, seen);
}

const saying = (situation: Situation): string => momentOf(situation).sentence;
const within = (standby: string, more: Omit<Situation, 'value'> = {}): string =>
  saying({ value: { ...RUNNING, standby }, ...more });

test('one that is awake says what keeps it so', () => {
  expect(within('disabled')).toBe('Awake: no auto-standby policy is enabled.');
  expect(within('blind')).toBe('Awake: its connections cannot be observed.');
  expect(within('active', { connections: 1 })).toBe('Awake: a connection is open.');
  expect(within('active', { connections: 3 })).toBe('Awake: 3 connections are open.');
  expect(within('active')).toBe('Awake: a connection is open, or nothing has said yet that none is.');
  expect(within('active', { context: { host: { mode: 'draining' } }, connections: 1 })).toBe(
    'Awake: automation is held back, the host is in draining.',
  );
  expect(within('queued', { standby: { slot: { since: AT, reason: 'standby_slots', retry_at: AT + 5 } } })).toBe(
    'Awake: it waits for a standby slot of the host (standby slots).',
  );
  expect(saying({ value: { lifecycle: { pausing: 'freezing' } } })).toMatch(
    /^Awake: it is being started, put to sleep/,
  );
});

test('one that counts down says whether its idle timeout or a hold ends last, and shows both as clocks', () => {
  const idle = { idle_since: AT - 10, hold_until: null };
  expect(within('countdown', { standby: idle, idleDue: AT + 90 })).toBe('Awake: its idle timeout has not passed.');
  const held = { value: { ...RUNNING, standby: 'countdown' }, standby: { ...idle, hold_until: AT + 500 } };
  expect(saying({ ...held, idleDue: AT + 500 })).toBe('Awake: it is held awake.');
  expect(saying({ ...held, idleDue: AT + 600 })).toBe('Awake: its idle timeout has not passed.');
  expect(momentOf({ ...held, idleDue: AT + 600 }).clocks).toEqual([
    { name: 'Idle for', counts: 'up', at: AT - 10 },
    { name: 'Falls asleep', counts: 'down', at: AT + 600 },
    { name: 'Held awake until', counts: 'down', at: AT + 500 },
  ]);
});

test('of the present it says what the status says, which has seen more than the newest record', () => {
  const countdown = { value: { ...RUNNING, standby: 'countdown' }, idleDue: AT + 500 };
  const held = { ...countdown, standby: { idle_since: AT - 10, hold_until: AT + 500 } };
  expect(saying({ ...held, why_awake: 'countdown' })).toBe(
    'Awake: its idle timeout has not passed, and it is held awake for longer.',
  );
  expect(saying({ ...held, why_awake: 'hold' })).toBe('Awake: it is held awake.');
  expect(saying({ ...countdown, why_awake: 'connection', connections: 1 })).toBe('Awake: a connection is open.');
  expect(within('active', { why_awake: 'countdown' })).toBe('Awake: its idle timeout has not passed.');
  expect(within('active', { why_awake: 'observer_blind' })).toBe('Awake: its connections cannot be observed.');
  const asleep = { value: { lifecycle: 'standby', standby: 'ineligible' }, standby: { request: 'idle' } };
  expect(saying({ ...asleep, why_awake: 'countdown' })).toBe('Asleep: nobody was connected.');
});

test('a hold that was over at that moment is no clock', () => {
  const standby = { idle_since: AT, hold_until: AT - 1 };
  const { clocks } = momentOf({ value: { ...RUNNING, standby: 'countdown' }, standby, idleDue: AT + 1 });
  expect(clocks.map(({ name }) => name)).toEqual(['Idle for', 'Falls asleep']);
});

test('one that sleeps says who or what put it to sleep, since when, and what it can be brought back to', () => {
  const asleep = { value: { lifecycle: 'standby', standby: 'ineligible' } };
  const taken = { name: 'before-upgrade', taken_at: AT - 5, by: 'admin', run: 1 };
  const snapshot = { name: 'run-1', run: 1, taken_at: AT };
  const moment = momentOf({
    ...asleep,
    context: { snapshot, snapshots: [taken] },
    standby: { request: 'schedule', asleep_since: AT - 7, idle_since: AT - 9 },
  });
  expect(moment.sentence).toBe('Asleep: a schedule said so.');
  expect(moment.clocks).toEqual([{ name: 'Asleep for', counts: 'up', at: AT - 7 }]);
  expect([moment.sleepsIn, moment.snapshots]).toEqual(['run-1', [taken]]);
  expect(saying({ ...asleep, standby: { request: 'operator' } })).toBe('Asleep: somebody asked for it.');
  expect(saying({ ...asleep, standby: { request: 'idle' } })).toBe('Asleep: nobody was connected.');
});

test('one without a VMM, and one of which nobody knows, say so', () => {
  expect(saying({ value: { lifecycle: 'stopped', restart: 'idle' } })).toBe(
    'Neither awake nor asleep: there is no VMM.',
  );
  expect(saying({ value: { lifecycle: 'lost' } })).toMatch(/^Nobody can say/);
});

test('every record of every chart has its sentence', () => {
  for (const version of [1, 2, 3]) {
    for (const { records } of recordedHistories(version)) {
      for (const record of records) {
        const { is, sentence } = sleepMoment(record as ShownRecord, null);
        expect(sentence.startsWith('Awake: ')).toBe(isAwake(is));
        expect(sentence).toMatch(/^[A-Z].*\.$/);
      }
    }
  }
});
