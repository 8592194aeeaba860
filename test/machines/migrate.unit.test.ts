import { describe, expect, it } from 'vitest';
import { CHART_VERSION } from '../../machines/chart.ts';
import { recordedContextSchema } from '../../machines/context.ts';
import { migrate, type OlderState } from '../../machines/migrate.ts';
import { stateOf } from '../../machines/public-states.ts';
import { fromStateData, step } from '../../machines/step.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { definition, SLEEPY } from './definitions.ts';

/** What older charts have left behind, taken from their recorded streams; and what none of them can have left. */

const headsOf = (version: number): OlderState[] =>
  recordedHistories(version).flatMap(({ records }) => records.map(({ state }) => state));

const restartOf = (state: OlderState) =>
  (state.context as { restart: { last_attempt_at: number | null; attempts: number } }).restart;

const lifecycleOf = (value: unknown): string => String((value as { lifecycle: unknown }).lifecycle);
const SLEEPY_ONE = definition({ auto_standby: SLEEPY });

/** Where inner states have come to be since. */
const lifecycleToday = ({ value }: OlderState): unknown => {
  const { lifecycle } = value as { lifecycle: unknown };
  if (lifecycle === 'restoring') return { restoring: 'taking_up' };
  return lifecycle === 'standby' ? { standby: 'sleeping' } : lifecycle;
};

/** A head that waits for a backoff. */
const waitingOf = (version: number): OlderState =>
  headsOf(version).find(({ timers }) => timers.some(({ name }) => name === 'timer.backoff'))!;
const changed = (
  version: number,
  change: (state: { value: Record<string, unknown>; context: object; timers: object[] }) => void,
) => {
  const state = structuredClone(waitingOf(version)) as never;
  change(state);
  return state as OlderState;
};

describe('a head of an older chart', () => {
  it.each([1, 2, 3, 4])('of version %d is understood: same states, same timers, a context of today', (version) => {
    const heads = headsOf(version);
    expect(heads.length).toBeGreaterThan(100);
    for (const head of heads) {
      const { value, context, timers } = migrate(head, version);
      expect(value).toEqual({ ...(head.value as object), lifecycle: lifecycleToday(head) });
      expect(timers).toEqual(head.timers);
      expect(recordedContextSchema.parse(context)).toEqual(context);
    }
  });

  it('knows its last attempt as its last automatic restart, and no causes', () => {
    for (const head of headsOf(2)) {
      const { restart, health } = migrate(head, 2).context;
      expect(restart).toEqual({ ...restartOf(head), restarted_at: restartOf(head).last_attempt_at, history: [] });
      expect(health.unhealthy_since).toBeNull();
    }
    expect(headsOf(2).some((head) => restartOf(head).attempts > 0)).toBe(true);
  });

  it('of version 3 on its way to standby goes on as what it was begun as', () => {
    const head = headsOf(3).find(({ value }) => (value as { lifecycle: unknown }).lifecycle === 'snapshotting')!;
    const pending = head.timers.map(({ name }) => name);
    expect(pending).toContain('timer.snapshot_deadline');
    for (const [region, request] of [
      ['requested', 'idle'],
      ['ineligible', 'operator'],
    ] as const) {
      const state = { ...head, value: { ...(head.value as object), standby: region } };
      const migrated = migrate(state, 3);
      expect([migrated.context.standby.request, migrated.context.standby.slot]).toEqual([request, null]);
      const snapshot = fromStateData(migrated, SLEEPY_ONE);
      const { run } = migrated.context;
      const done = {
        type: 'effect.done',
        at: run.started_at! + 60_000,
        effect: 'x/1/0',
        kind: 'vmm.snapshot',
      } as const;
      const { next } = step(snapshot, { ...done, run: run.number });
      expect(stateOf(next.value, 'lifecycle')).toBe(request === 'idle' ? 'sealing' : 'stopping');
    }
  });

  it('of version 3 that sleeps, or is woken, knows since when', () => {
    const heads = headsOf(3).filter(({ value }) => ['standby', 'restoring'].includes(lifecycleOf(value)));
    expect(new Set(heads.map(({ value }) => lifecycleOf(value)))).toEqual(new Set(['standby', 'restoring']));
    for (const head of heads) {
      const { snapshot, standby } = migrate(head, 3).context;
      expect(standby.asleep_since).toBe(snapshot!.taken_at);
    }
  });

  it.each(['confirming', 'requested'])('of version 3 in %s is asked for by idleness', (region) => {
    const head = headsOf(3).find(({ value }) => lifecycleOf(value) === 'running')!;
    const state = { ...head, value: { ...(head.value as object), standby: region } };
    expect(migrate(state, 3).context.standby.request).toBe('idle');
  });

  it('of version 4 that is taken up does not know what it was before: nothing is shown again when that fails', () => {
    const head = headsOf(4).find(({ value }) => stateOf(value as never, 'lifecycle') === 'restoring')!;
    const { context, value, timers } = migrate(head, 4);
    expect([value, timers]).toEqual([head.value, head.timers]);
    expect(context).toEqual({ ...(head.context as object), put_away: null });
    const at = context.run.started_at! + 1_000;
    const { number: run } = context.run;
    const about = { at, effect: 'x/1/0', kind: 'vmm.restore', run };
    const error = { code: 'snapshot_damaged', message: 'no' };
    const { next } = step(fromStateData({ value, context }, SLEEPY_ONE), { type: 'effect.failed', ...about, error });
    expect([stateOf(next.value, 'lifecycle'), next.context.run.number, next.context.trouble?.message]).toEqual([
      'standby',
      run,
      'no',
    ]);
  });

  it('of the present version is left as it is', () => {
    const head = headsOf(CHART_VERSION)[0]!;
    expect(migrate(head, CHART_VERSION)).toBe(head);
  });
});

describe('what no chart can have written is refused', () => {
  it.each([0, CHART_VERSION + 1, 99])('a version %d that there never was', (version) => {
    expect(() => migrate(waitingOf(2), version)).toThrow('There is no way');
  });

  it.each([
    [
      'a state that came with version 2, in version 1',
      1,
      (s: { value: object }) => Object.assign(s.value, { restart: { admission: 'held' } }),
    ],
    [
      'a state that came with version 3, in version 2',
      2,
      (s: { value: object }) => Object.assign(s.value, { restart: 'gated' }),
    ],
    ['a region that it did not have', 2, (s: { value: object }) => Object.assign(s.value, { weather: 'fair' })],
    ['a region too few', 2, (s: { value: object }) => Reflect.deleteProperty(s.value, 'health')],
    ['a context of another version', 2, (s: { context: object }) => Object.assign(s.context, { mood: 'good' })],
    ['a context with a part missing', 2, (s: { context: object }) => Reflect.deleteProperty(s.context, 'restart')],
    [
      'a state that came with version 4, in version 3',
      3,
      (s: { value: object }) => Object.assign(s.value, { lifecycle: 'sealing' }),
    ],
    [
      'a context of version 5, in version 4',
      4,
      (s: { context: object }) => Object.assign(s.context, { put_away: null }),
    ],
    [
      'a fork without memory, which the fourth did not know as one',
      4,
      (s: { context: object }) => Object.assign(s.context, { origin: { instance: 'another', snapshot: null } }),
    ],
    [
      'a timer that nobody waits for',
      2,
      (s: { timers: object[] }) => s.timers.push({ name: 'timer.nonsense', due: 1, armed: 1 }),
    ],
  ])('%s', (_what, version, spoil) => {
    expect(() => migrate(waitingOf(version), version)).not.toThrow();
    expect(() => migrate(changed(version, spoil as never), version)).toThrow();
  });
});
