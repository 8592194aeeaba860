import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { ObserverStatus } from '../../../src/actors/contracts/activity.ts';
import { Closers } from '../../../src/cli/daemon/closers.ts';
import { openStandby, showStandby } from '../../../src/cli/daemon/standby.ts';
import { createHostSections } from '../../../src/gateway/host-sections.ts';
import { createMetricRegistry } from '../../../src/projections/metrics/metric-registry.ts';
import { scriptedActivity } from '../../actors/scripted-activity.ts';
import { simulatedHost } from '../../actors/simulated-host.ts';

const START = Date.UTC(2026, 0, 1, 12);
const SECOND = 1_000;

async function shown(status: Partial<ObserverStatus> | null) {
  const clock = new SimulatedClock(START);
  const closers = new Closers(clock, () => {});
  const lines: string[] = [];
  const logger = pino({ base: null, timestamp: false }, { write: (line: string) => void lines.push(line) });
  let now = { ...scriptedActivity().status(), ...status };
  const activity = status === null ? undefined : scriptedActivity({ status: () => now });
  const sections = createHostSections();
  const metrics = createMetricRegistry(() => {});
  const { supervisor } = await simulatedHost();
  showStandby({ ...(activity && { activity }) }, supervisor, { clock, closers, logger, sections, metrics });
  return {
    ...{ clock, closers, sections, metrics },
    become: (next: Partial<ObserverStatus>) => {
      now = { ...now, ...next };
    },
    said: () => lines.splice(0).map((line) => (JSON.parse(line) as { msg: string }).msg.split(':')[0]),
  };
}

describe('the source of traffic, as the daemon shows it', () => {
  test('is a section of the host, with every count of it', async () => {
    const { sections } = await shown({ mode: 'netlink', events: 7, losses: 1, last_dump_at: START });
    expect(sections.read().observer).toMatchObject({
      ...{ mode: 'netlink', state: 'in_order', error: null, events: 7, losses: 1 },
      last_dump_at: '2026-01-01T12:00:00.000Z',
    });
  });

  test('is shown with since when it is as it is', async () => {
    const { clock, sections, become } = await shown({});
    await clock.advance(60 * SECOND);
    become({ state: 'lost', error: 'the socket was closed' });
    await clock.advance(30 * SECOND);
    expect(sections.read().observer).toMatchObject({ state: 'lost', since: '2026-01-01T12:01:01.000Z' });
  });

  test('is said once in the log each time that it is lost or back', async () => {
    const { clock, closers, become, said } = await shown({});
    await clock.advance(5 * SECOND);
    expect(said()).toEqual(['Connections to guests are known.']);
    become({ state: 'lost', error: 'the socket was closed' });
    await clock.advance(5 * SECOND);
    expect(said()).toEqual(['Connections to guests are not known']);
    become({ state: 'in_order', error: null });
    await clock.advance(5 * SECOND);
    expect(said()).toEqual(['Connections to guests are known.']);
    await closers.closeAll();
    become({ state: 'lost' });
    await clock.advance(5 * SECOND);
    expect(said()).toEqual([]);
  });

  test('is not called lost while it reads for the first time, unless that takes long', async () => {
    const quick = await shown({ state: 'lost', error: 'not read yet' });
    await quick.clock.advance(3 * SECOND);
    quick.become({ state: 'in_order', error: null, dumps: 1 });
    await quick.clock.advance(3 * SECOND);
    expect(quick.said()).toEqual(['Connections to guests are known.']);
    const slow = await shown({ state: 'lost', error: 'not read yet' });
    await slow.clock.advance(15 * SECOND);
    expect(slow.said()).toEqual(['Connections to guests are not known']);
    const unable = await shown({ state: 'unsupported', error: 'no rights' });
    await unable.clock.advance(2 * SECOND);
    expect(unable.said()).toEqual(['Connections to guests are not known']);
  });

  test('has its durations of dumps in the metrics, each counted once', async () => {
    const { clock, become, metrics } = await shown({});
    for (const dumps of [1, 2]) {
      become({ dumps, last_dump_ms: 3 });
      await clock.advance(5 * SECOND);
    }
    const text = await metrics.text();
    expect(text).toMatch(/^statevisor_observer_dump_duration_seconds_count 2$/m);
    expect(text).toMatch(/^statevisor_observer_in_order 1$/m);
    expect(text).toMatch(/^statevisor_standby_slots_limit 16$/m);
  });

  test('is unsupported where there is none, without a metric of it', async () => {
    const { sections, metrics } = await shown(null);
    expect(sections.read().observer).toEqual({ state: 'unsupported' });
    expect(await metrics.text()).not.toMatch(/statevisor_observer/);
  });
});

describe('whoever talks to guests', () => {
  const given = () => {
    const clock = new SimulatedClock(START);
    return { clock, closers: new Closers(clock, () => {}) };
  };

  test('is known from the world of simulated guests, and ended with the daemon', async () => {
    let closed = 0;
    const simulated = scriptedActivity({
      close: async () => {
        closed += 1;
      },
    });
    const { clock, closers } = given();
    expect(openStandby({ standby_at_once: 3 }, { clock, closers, simulated })).toEqual({
      activity: simulated,
      standbyAtOnce: 3,
    });
    await closers.closeAll();
    expect(closed).toBe(1);
  });

  test('is not known where nobody is to look, or guests have no addresses of their own', () => {
    const simulated = scriptedActivity();
    expect(openStandby({ conntrack: 'off' }, { ...given(), simulated }).activity).toBeUndefined();
    expect(openStandby({}, given()).activity).toBeUndefined();
  });
});
