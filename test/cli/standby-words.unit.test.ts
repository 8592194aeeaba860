import { expect, test } from 'vitest';
import { holdWords, standbyRows, unwatchedNotes } from '../../src/cli/standby-words.ts';
import type { StandbyReport } from '../../src/gateway/use-cases/standby-status.ts';

const NOW = Date.UTC(2026, 0, 1, 12);
const at = (offsetMs: number): string => new Date(NOW + offsetMs).toISOString();

const asleep = {
  status: 'ineligible',
  reason: 'instance_not_running',
  why_awake: null,
  eligible: false,
  connections: [],
  queue: null,
  observer: null,
  snapshots: [],
  asleep_since: at(-90_000),
} as unknown as StandbyReport;

const told = (report: StandbyReport): Record<string, string> =>
  Object.fromEntries(standbyRows('web', report, NOW) as [string, string][]);

test('one that sleeps is said to sleep, not merely not to run', () => {
  expect(told(asleep)).toMatchObject({ status: 'ineligible: it sleeps' });
  expect(told({ ...asleep, asleep_since: null })).toMatchObject({ status: 'ineligible: it does not run' });
});

test('how far the clock of a woken guest was off is said in a length of time, as mended', () => {
  const row = (drift_ms: number | null): string | undefined =>
    told({ ...asleep, clock: { at: at(-5_000), run: 2, drift_ms } })['clock of the guest'];
  expect(row(42_108)).toBe('set 5s ago, it was off by 42.1s');
  expect(row(-250)).toBe('set 5s ago, it was off by 250ms');
  expect(row(null)).toBe('nobody to ask in the guest, 5s ago');
});

test('what a hold came to is said in words', () => {
  const held: StandbyReport = { ...asleep, status: 'active', eligible: true, hold_until: at(60_000) };
  expect(holdWords('web', held, NOW)).toBe(`web is held until ${at(60_000)} (in 1m0s)`);
  const off: StandbyReport = { ...asleep, status: 'disabled', reason: 'policy_missing' };
  expect(holdWords('web', off, NOW)).toBe('web is not held: disabled (no policy)');
});

test('whoever holds a guest whose traffic is not watched is told so', () => {
  const held = { ...asleep, hold_until: at(60_000) };
  const unseen: StandbyReport = { ...held, status: 'unsupported', reason: 'unsupported_platform' };
  expect(holdWords('web', unseen, NOW)).toMatch(
    /^web is held until \S+ \(in 1m0s\); nothing would put it to sleep by itself anyway: nothing watches traffic on this host/,
  );
  const forwarded: StandbyReport = { ...held, status: 'ineligible', reason: 'missing_ip' };
  expect(holdWords('web', forwarded, NOW)).toContain('anyway: it has no address of its own');
});

test.each([
  ['unsupported_platform', /^warning: nothing puts web to sleep by itself: nothing watches traffic on this host/],
  ['missing_ip', /^warning: nothing puts web to sleep by itself: it has no address of its own; `run --network bridge`/],
  ['network_disabled', /^warning: nothing puts web to sleep by itself: it has no network$/],
] as const)('whoever gives a policy to a guest that nobody can watch is told so: %s', (reason, told) => {
  expect(unwatchedNotes('web', { ...asleep, reason })).toEqual([expect.stringMatching(told)]);
});

test('and what passes by itself is no warning', () => {
  for (const reason of ['instance_not_running', 'observer_error', 'idle_timeout_not_elapsed'] as const) {
    expect(unwatchedNotes('web', { ...asleep, reason })).toEqual([]);
  }
});
