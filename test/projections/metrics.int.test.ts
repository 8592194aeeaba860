/** Goal: whoever scrapes the daemon gets what the reference lists. Method: a whole daemon over the simulator, and a reader of the text format. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { type Daemon, startDaemon } from '../../src/cli/daemon/daemon.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { hurryGuests } from '../crash/simulated-load.ts';
import { document, name, quoted, tableRows } from '../documents/markdown.ts';
import { type Family, parseMetrics } from './prometheus-text.ts';

let daemon: Daemon;
let place: string;
let token: string;

beforeAll(async () => {
  place = mkdtempSync(join(tmpdir(), 'statevisor-metrics-'));
  daemon = await startDaemon({
    data: place,
    listen: { host: '127.0.0.1', port: 0 },
    nats: 'off',
    hypervisor: 'simulator',
    log: 'memory',
    say: () => {},
  });
  const fate = controlSimulator({ world: { directory: place, program: worldProgram }, clock: systemClock() });
  await hurryGuests(fate);
  await fate.close();
  token = readFileSync(daemon.endpoints.token_file, 'utf8').trim();
});
afterAll(async () => {
  await daemon.close();
  rmSync(place, { recursive: true });
});

async function ask(path: string, init: { method?: string; body?: unknown } = {}): Promise<Response> {
  const { method = 'GET', body } = init;
  return fetch(`${daemon.endpoints.http}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${token}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

async function scrape(): Promise<Map<string, Family>> {
  const response = await ask('/metrics');
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return parseMetrics(await response.text());
}

describe('metrics', () => {
  test('are exactly those of the reference, with their kinds and labels', async () => {
    await ask('/v1/instances', { method: 'POST', body: { name: 'counted', image: 'demo', wait: '30s' } });
    const families = await scrape();
    const rows = tableRows(document('docs/reference/metrics.md'), 'metric');
    const told = rows.map(([metric, kind, labels]) => `${name(metric)} ${kind} ${quoted(labels ?? '').join(' ')}`);
    const seen = [...families].map(([metric, { kind, labels }]) => {
      const row = rows.find(([first]) => name(first) === metric);
      // A metric without a value yet shows no labels; those of the others are compared.
      const known = labels ?? quoted(row?.[2] ?? '');
      return `${metric} ${kind} ${known.join(' ')}`;
    });
    expect(seen.sort()).toEqual(told.sort());
    for (const [metric, , , meaning] of rows) expect(meaning?.length, metric).toBeGreaterThan(10);
  });

  test('count what has happened, and never name an instance', async () => {
    const created = await ask('/v1/instances', {
      method: 'POST',
      body: { name: 'another', image: 'demo', wait: '30s' },
    });
    const { id } = (await created.json()) as { id: string };
    const families = await scrape();
    const value = (metric: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
      families.get(metric)?.samples.find((sample) => JSON.stringify(sample.labels) === JSON.stringify(labels))?.value;
    const creates = value('statevisor_transitions_total', { event: 'create' })!;
    expect(creates).toBeGreaterThanOrEqual(1);
    expect(value('statevisor_instances', { state: 'Running' })).toBe(creates);
    expect(value('statevisor_instances', { state: 'Paused' })).toBe(0);
    expect(value('statevisor_effects_total', { kind: 'vmm.boot', outcome: 'done' })).toBe(creates);
    const transitions = families
      .get('statevisor_transitions_total')!
      .samples.reduce((sum, { value }) => sum + value, 0);
    expect(value('statevisor_appends_total', { outcome: 'appended' })).toBe(transitions);
    expect(value('statevisor_projection_lag_seconds', { projection: 'durations' })).toBe(0);
    expect(value('statevisor_mailbox_letters')).toBe(0);
    const everything = JSON.stringify([...families]);
    expect(everything).not.toContain(id);
    expect(everything).not.toContain('another');
  });

  test('tell of probes what the host shows of them', async () => {
    const health_check = { tcp: { port: 80 }, interval: '1h' };
    await ask('/v1/instances', { method: 'POST', body: { name: 'probed', image: 'demo', health_check, wait: '30s' } });
    const host = (await (await ask('/v1/host')).json()) as { probes: Record<string, number> };
    expect(host.probes).toMatchObject({ windows: 1, waiting: 0 });
    const families = await scrape();
    expect(families.get('statevisor_probes_waiting')?.samples).toEqual([{ labels: {}, value: 0 }]);
    expect(families.get('statevisor_probes_in_flight')?.samples[0]?.value).toBeLessThanOrEqual(1);
  });

  test('of time are in seconds, of size in bytes, and counters end in _total', async () => {
    for (const [metric, { kind, help }] of await scrape()) {
      expect(metric).toMatch(/^statevisor_[a-z_]+$/);
      expect(metric.endsWith('_total'), metric).toBe(kind === 'counter');
      expect(metric, metric).not.toMatch(/_(ms|milliseconds|kib|mb)(_|$)/);
      expect(help, metric).toMatch(/^[A-Z0-9].{10,}\.$/);
    }
  });

  test('are for holders of a token only', async () => {
    const response = await fetch(`${daemon.endpoints.http}/metrics`);
    expect(response.status).toBe(401);
  });
});

describe('read models over HTTP', () => {
  test('a created instance says how long it has been in which state, in get and in both lists alike', async () => {
    await ask('/v1/instances', { method: 'POST', body: { name: 'timed', image: 'demo', wait: '30s' } });
    const one = (await (await ask('/v1/instances/timed')).json()) as Record<string, unknown>;
    expect(one).toMatchObject({ current_phase: 'running', current_phase_since: expect.stringMatching(/Z$/) });
    expect(Object.keys(one.phase_durations_ms as object)).toEqual(['created', 'initializing', 'running']);
    const own = (await (await ask('/v1/instances?limit=500')).json()) as { instances: Record<string, unknown>[] };
    const compatible = (await (await ask('/instances')).json()) as Record<string, unknown>[];
    for (const listed of [own.instances, compatible]) {
      const found = listed.find(({ name: called }) => called === 'timed')!;
      const { phase_durations_ms: spent, ...rest } = found;
      const { phase_durations_ms: spentOnce, wakefulness: _account, ...view } = one;
      expect(rest).toEqual(view);
      expect({ ...(spent as object), running: 0 }).toEqual({ ...(spentOnce as object), running: 0 });
    }
  });

  test('it says what keeps it awake, in get, and in a list that is asked for it', async () => {
    await ask('/v1/instances', { method: 'POST', body: { name: 'watched', image: 'demo', wait: '30s' } });
    const account = { is: 'awake', awake_because: 'no_policy', asleep_ms: 0, since: expect.stringMatching(/Z$/) };
    const one = (await (await ask('/v1/instances/watched')).json()) as Record<string, unknown>;
    expect(one.wakefulness).toMatchObject(account);
    const list = async (query: string): Promise<unknown> => {
      const { instances } = (await (await ask(`/v1/instances?limit=500${query}`)).json()) as {
        instances: Record<string, unknown>[];
      };
      return instances.find(({ name }) => name === 'watched')?.wakefulness;
    };
    expect(await list('')).toBeUndefined();
    expect(await list('&wakefulness=true')).toMatchObject(account);
    const refused = await ask('/v1/instances?wakefulness=perhaps');
    expect([refused.status, await refused.json()]).toMatchObject([400, { field: 'wakefulness' }]);
  });

  test('its timeline tells what led where', async () => {
    await ask('/v1/instances', { method: 'POST', body: { name: 'told', image: 'demo', wait: '30s' } });
    const timeline = (await (await ask('/v1/instances/told/timeline')).json()) as {
      entries: Record<string, unknown>[];
    };
    expect(timeline).toMatchObject({ shortened: false, complete: true });
    expect(timeline.entries.map(({ phase, event, by, cause }) => [phase, event, by, cause])).toEqual([
      ['preparing', 'create', 'admin', null],
      ['booting', 'effect.done', 'system', 'create'],
      ['running', 'guest.ready', 'system', null],
    ]);
    expect(timeline.entries.at(-1)?.until).toBeNull();
  });

  test('a projection is rebuilt on request, and the host tells how current each is', async () => {
    const unknown = await ask('/v1/host/projections/nothing/rebuild', { method: 'POST' });
    expect(unknown.status).toBe(404);
    expect(await unknown.json()).toMatchObject({ code: 'not_found', field: 'projection' });
    const asked = await ask('/v1/host/projections/durations/rebuild', { method: 'POST' });
    expect([asked.status, await asked.json()]).toEqual([202, { projection: 'durations', rebuilding: true }]);
    const host = (await (await ask('/v1/host')).json()) as { projections: Record<string, unknown> };
    const known = ['instances', 'timeline', 'durations', 'standby_outcomes', 'totals', 'wakefulness'];
    expect(Object.keys(host.projections)).toEqual(known);
    expect(host.projections.instances).toMatchObject({ version: 1, lag_ms: 0, parked: { total: 0, first: [] } });
  });
});
