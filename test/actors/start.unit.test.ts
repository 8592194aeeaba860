import { describe, expect, test } from 'vitest';
import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import type { Prober } from '../../src/actors/contracts/probe.ts';
import { CHART } from '../../src/actors/records.ts';
import { CHECK } from '../machines/definitions.ts';
import { bootsOf, ON_FAILURE, OPERATOR, runningInstance, type SimulatedHost, simulatedHost } from './simulated-host.ts';

/** The order of a start: every head first, then what runs of each instance, and only then whatever is automatic. */

const MB = 1024 ** 2;
const GB = 1024 * MB;
/** A slow log gives everybody else so many turns between one head and the next. */
const TURNS_BETWEEN_HEADS = 300;

function withHeads(log: Log, change: (entry: LogEntry) => LogEntry): Log {
  return {
    ...log,
    heads: async function* (withLandmarks?: boolean) {
      for await (const entry of log.heads(withLandmarks)) {
        yield change(entry);
        for (let turn = 0; turn < TURNS_BETWEEN_HEADS; turn++) await Promise.resolve();
      }
    },
  };
}

/** Two instances, the first of them down since maintenance; back to normal is durable, and reaches neither of them. */
async function backToNormalUntold(host: SimulatedHost): Promise<{ down: string; up: string }> {
  const down = await runningInstance(host, { name: 'down', restart_policy: ON_FAILURE });
  await host.supervisor.setMode('maintenance', OPERATOR);
  await host.control.guestExit(down, 1);
  await host.clock.advance(3_000);
  const up = await runningInstance(host, { name: 'up' });
  await unheard(host, 2);
  return { down, up };
}

/** Sets the mode back to normal; the records of so many instances are refused, and this daemon gives them up. */
async function unheard(host: SimulatedHost, instances: number): Promise<void> {
  for (let nth = 2; nth < 2 + instances; nth++) host.log.fail('conflict', nth);
  await host.supervisor.setMode('normal', OPERATOR);
}

describe('before every head is read', () => {
  test('no room is given out: what a later head takes is taken', async () => {
    const capacity = {
      memory_bytes: 150 * MB,
      vcpus: 8,
      disk_bytes: 100 * GB,
      overcommit: { memory: 1, vcpus: 1, disk: 1 },
    };
    const host = await simulatedHost({ capacity }, { log: (log) => withHeads(log, (entry) => entry) });
    const { down, up } = await backToNormalUntold(host);
    await host.restart();
    await host.clock.advance(10_000);
    expect(host.instances.get(up)?.state).toBe('Running');
    expect(await bootsOf(host, down)).toBe(1);
    expect(host.supervisor.capacity()).toMatchObject({
      memory_bytes: { used: 128 * MB, limit: 150 * MB },
      held: [{ id: down, reason: 'memory' }],
    });
  });

  test('nothing is written or booted: a later head may be one of a newer chart', async () => {
    let newer = '';
    const told = `"chart":{"version":${CHART.version}`;
    const ahead = `"chart":{"version":${CHART.version + 1}`;
    const host = await simulatedHost(
      {},
      {
        log: (log) =>
          withHeads(log, (entry) => {
            return entry.stream === newer ? { ...entry, bytes: entry.bytes.replace(told, ahead) } : entry;
          }),
      },
    );
    const { down, up } = await backToNormalUntold(host);
    newer = up;
    const appends = host.log.appends();
    await expect(host.restart()).rejects.toMatchObject({ code: 'log_from_newer_version' });
    await host.control.guestExit(up, 1);
    await host.clock.advance(60_000);
    expect(host.log.appends()).toBe(appends);
    expect(await bootsOf(host, down)).toBe(1);
  });
});

describe('before an instance has dealt with what runs of it', () => {
  const LOOK_MS = 2_000;

  /** A host whose hypervisor takes its time to tell what runs. */
  async function slowlySeen(prober: Prober): Promise<SimulatedHost> {
    let host: SimulatedHost | null = null;
    host = await simulatedHost(
      { prober },
      {
        hypervisor: (hypervisor) => ({
          ...hypervisor,
          adopt: async (ref) => {
            await host?.clock.sleep(LOOK_MS);
            return hypervisor.adopt(ref);
          },
        }),
      },
    );
    return host;
  }

  const CHECKED = {
    restart_policy: ON_FAILURE,
    health_check: { ...CHECK, start_period_ms: 0, failure_threshold: 1, interval_ms: 1_000 },
  };

  test('it is not probed, whatever else it is told: a guest that ended well is not started again', async () => {
    let alive = true;
    let probes = 0;
    const host = await slowlySeen({
      probe: async () => {
        probes += 1;
        return alive ? { result: 'passed' } : { result: 'failed', error: 'refused' };
      },
    });
    const id = await runningInstance(host, CHECKED);
    host.log.fail('conflict', 2);
    await host.supervisor.setMode('maintenance', OPERATOR);
    await host.supervisor.close();
    alive = false;
    await host.control.guestExit(id, 0);
    const before = probes;
    await host.restart();
    await host.clock.advance(60_000);
    expect(probes).toBe(before);
    expect(await bootsOf(host, id)).toBe(1);
    expect(host.instances.get(id)?.state).toBe('Stopped');
  });

  test('it is not told that automation goes on: nobody restarts for its health a guest that has ended well', async () => {
    let alive = true;
    const host = await slowlySeen({
      probe: async () => (alive ? { result: 'passed' } : { result: 'failed', error: 'refused' }),
    });
    const id = await runningInstance(host, CHECKED);
    await host.supervisor.setMode('maintenance', OPERATOR);
    alive = false;
    await host.clock.advance(10_000);
    expect(host.instances.get(id)?.health_status?.status).toBe('unhealthy');
    await unheard(host, 1);
    await host.supervisor.close();
    await host.control.guestExit(id, 0);
    await host.restart();
    await host.clock.advance(60_000);
    const heard = (await host.records(id)).map(({ event }) => event.type);
    expect(heard.lastIndexOf('vmm.found')).toBeLessThan(heard.lastIndexOf('host.mode_changed'));
    expect(await bootsOf(host, id)).toBe(1);
    expect(host.instances.get(id)?.state).toBe('Stopped');
  });

  test('nor is it when somebody sets the mode meanwhile; it is told as soon as it knows', async () => {
    const host = await slowlySeen({ probe: async () => ({ result: 'passed' }) });
    const id = await runningInstance(host, CHECKED);
    await host.supervisor.setMode('maintenance', OPERATOR);
    await host.restart();
    expect(await host.supervisor.setMode('normal', OPERATOR)).toMatchObject({ mode: 'normal', untold: 1 });
    await host.clock.advance(LOOK_MS);
    expect((await host.records(id)).at(-1)?.state.context.host.mode).toBe('normal');
  });
});
