import { describe, expect, it } from 'vitest';
import { HOST_EVENTS_MAX, HOST_STREAM, type HostRecord } from '../../src/actors/host-stream.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  type SimulatedHost,
  simulatedHost,
} from './simulated-host.ts';

const by = OPERATOR.actor;

async function hostRecords({ log }: SimulatedHost): Promise<HostRecord[]> {
  const records: HostRecord[] = [];
  for await (const { bytes } of log.read(HOST_STREAM)) records.push(JSON.parse(bytes) as HostRecord);
  return records;
}

describe('the mode of the host', () => {
  it('is normal on an empty log', async () => {
    const host = await simulatedHost();
    expect(host.supervisor.mode()).toBe('normal');
  });

  it('is durable before it holds, and outlives the daemon', async () => {
    const host = await simulatedHost();
    const { mode, record, position } = await host.supervisor.setMode('maintenance', OPERATOR);
    expect(mode).toBe('maintenance');
    expect(record).toMatchObject({ event: { type: 'host.mode_changed', mode, by }, state: { mode } });
    expect((await host.log.head(HOST_STREAM))?.position).toBe(position);
    await host.restart();
    expect(host.supervisor.mode()).toBe('maintenance');
  });

  it('is still known after the wall clock was stepped', async () => {
    const host = await simulatedHost({ clockLookMs: 1_000 });
    await runningInstance(host, { boot_timeout_ms: 3_600_000 });
    await host.supervisor.setMode('draining', OPERATOR);
    await host.supervisor.create(definition({ name: 'other' }), 'stopped', OPERATOR).catch(() => {});
    host.clock.step(3_600_000);
    await host.clock.advance(2_000);
    await host.restart();
    expect(host.supervisor.mode()).toBe('draining');
    expect((await hostRecords(host)).every(({ state }) => state?.mode === 'draining')).toBe(true);
  });

  it('holds when it was written, although the log gave no answer', async () => {
    const host = await simulatedHost();
    host.log.fail('unknown_written');
    await host.supervisor.setMode('maintenance', OPERATOR);
    expect(host.supervisor.mode()).toBe('maintenance');
    host.log.fail('unknown_lost');
    expect(await refusalCode(host.supervisor.setMode('normal', OPERATOR))).toBe('log_unavailable');
    expect(host.supervisor.mode()).toBe('maintenance');
  });

  it('is not changed by a daemon that no longer owns the log', async () => {
    const host = await simulatedHost();
    host.log.fail('conflict');
    expect(await refusalCode(host.supervisor.setMode('draining', OPERATOR))).toBe('not_owner');
    expect(host.supervisor.mode()).toBe('normal');
  });

  it('stays what it was when the log cannot take the change', async () => {
    const host = await simulatedHost();
    host.log.fail('refused_unavailable');
    expect(await refusalCode(host.supervisor.setMode('draining', OPERATOR))).toBe('log_unavailable');
    expect(host.supervisor.mode()).toBe('normal');
  });

  it('cannot be changed by more people at once than have room to wait', async () => {
    const host = await simulatedHost();
    const changes = Array.from({ length: HOST_EVENTS_MAX + 2 }, () => host.supervisor.setMode('normal', OPERATOR));
    const codes = await Promise.all(
      changes.map((change) =>
        change.then(
          () => 'done',
          ({ code }) => String(code),
        ),
      ),
    );
    expect(codes.filter((code) => code === 'busy')).toHaveLength(1);
  });
});

describe('a host that is being drained', () => {
  it('takes on nothing new, and says so by name', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(10_000);
    await host.supervisor.setMode('draining', OPERATOR);
    const before = (await host.records(id)).length;
    for (const type of ['start', 'restart'] as const) {
      expect(await refusalCode(host.supervisor.command(id, { type, by }, OPERATOR))).toBe('host_draining');
    }
    expect(await refusalCode(host.supervisor.create(definition({ name: 'new' }), 'stopped', OPERATOR))).toBe(
      'host_draining',
    );
    expect(host.supervisor.status().instances).toBe(1);
    expect(await host.records(id)).toHaveLength(before);
  });

  it('wakes no sleeper', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
    await host.clock.advance(10_000);
    await host.supervisor.setMode('draining', OPERATOR);
    expect(await refusalCode(host.supervisor.command(id, { type: 'restore', by }, OPERATOR))).toBe('host_draining');
  });

  it('still does to what runs whatever people ask for', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.supervisor.setMode('draining', OPERATOR);
    await host.supervisor.command(id, { type: 'restart', by }, OPERATOR);
    await host.clock.advance(10_000);
    expect(await bootsOf(host, id)).toBe(2);
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.instances.get(id)?.state).toBe('Stopped');
  });
});

describe('commands on a host that is full', () => {
  const GB = 1024 ** 3;
  const capacity = { memory_bytes: GB, vcpus: 1, disk_bytes: 8 * GB, overcommit: { memory: 1, vcpus: 1, disk: 1 } };
  const other = definition({ name: 'other' });

  it('are refused with the field and what is free, and nothing is appended', async () => {
    const host = await simulatedHost({ capacity });
    await runningInstance(host);
    const refusal = await host.supervisor.create(other, 'running', OPERATOR).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'insufficient_resources', field: 'vcpus', details: { needed: 1, free: 0 } });
    expect(host.supervisor.status().instances).toBe(1);
    expect(host.supervisor.capacity().vcpus).toEqual({ used: 1, limit: 1 });
  });

  it('an instance that only rests takes nothing, and may start when there is room', async () => {
    const host = await simulatedHost({ capacity });
    const first = await runningInstance(host);
    const { id } = await host.supervisor.create(other, 'stopped', OPERATOR);
    await host.clock.advance(1_000);
    expect(await refusalCode(host.supervisor.command(id, { type: 'start', by }, OPERATOR))).toBe(
      'insufficient_resources',
    );
    await host.supervisor.command(first, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(10_000);
    await host.supervisor.command(id, { type: 'start', by }, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  it('two that ask for the last room at once do not both get it', async () => {
    const host = await simulatedHost({ capacity });
    const made = [definition({ name: 'one' }), definition({ name: 'two' })].map((one) =>
      host.supervisor.create(one, 'running', OPERATOR).then(
        () => 'made',
        ({ code }) => String(code),
      ),
    );
    expect((await Promise.all(made)).sort()).toEqual(['insufficient_resources', 'made']);
  });

  it('a command that the log refused keeps no room', async () => {
    const host = await simulatedHost({ capacity });
    host.log.fail('refused_unavailable');
    expect(await refusalCode(host.supervisor.create(other, 'running', OPERATOR))).toBe('log_unavailable');
    expect(host.supervisor.capacity().vcpus.used).toBe(0);
  });

  it('a daemon that comes back to less than what runs ends nothing and starts nothing', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.restart({ capacity: { ...capacity, memory_bytes: 1 } });
    expect(host.instances.get(id)?.state).toBe('Running');
    expect(await refusalCode(host.supervisor.create(other, 'running', OPERATOR))).toBe('insufficient_resources');
    await host.supervisor.command(id, { type: 'restart', by }, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.instances.get(id)?.state).toBe('Running');
  });
});

describe('a new mode', () => {
  const modesOf = async (host: SimulatedHost, id: string): Promise<string[]> =>
    (await host.records(id)).flatMap(({ event }) => (event.type === 'host.mode_changed' ? [event.mode] : []));

  it('is in the stream of every instance when it is answered', async () => {
    const host = await simulatedHost({ restingMax: 1 });
    const ids: string[] = [];
    for (const name of ['a', 'b', 'c']) {
      ids.push((await host.supervisor.create(definition({ name }), 'stopped', OPERATOR)).id);
      await host.clock.advance(1_000);
    }
    ids.push(await runningInstance(host, { name: 'd' }));
    await host.supervisor.setMode('maintenance', OPERATOR);
    for (const id of ids) expect(await modesOf(host, id)).toEqual(['maintenance']);
  });

  it('is learnt by an instance that is made afterwards', async () => {
    const host = await simulatedHost();
    await host.supervisor.setMode('maintenance', OPERATOR);
    const id = await runningInstance(host);
    expect(await modesOf(host, id)).toEqual(['maintenance']);
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  it('that did not reach some is told to them at the next start, before anything is decided about them', async () => {
    const host = await simulatedHost();
    const resting = await host.supervisor.create(definition({ name: 'resting' }), 'stopped', OPERATOR);
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    // Durable for the host; the records of the two instances are not written, and this daemon gives them up.
    for (const nth of [2, 3]) host.log.fail('conflict', nth);
    await host.supervisor.setMode('maintenance', OPERATOR);
    expect(await modesOf(host, id)).toEqual([]);
    await host.control.guestExit(id, 1);
    await host.restart();
    await host.clock.advance(60_000);
    expect(host.supervisor.mode()).toBe('maintenance');
    for (const one of [id, resting.id]) expect(await modesOf(host, one)).toEqual(['maintenance']);
    expect(await bootsOf(host, id)).toBe(1);
  });

  it('two changes at once end with the later one everywhere', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await Promise.all([host.supervisor.setMode('draining', OPERATOR), host.supervisor.setMode('normal', OPERATOR)]);
    expect((await host.records(id)).at(-1)?.state.context.host.mode).toBe('normal');
    expect(host.supervisor.mode()).toBe('normal');
  });

  it('reaches an instance on a full disk', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    host.log.fail('refused_full', 2);
    const set = host.supervisor.setMode('maintenance', OPERATOR);
    await host.clock.advance(1_000);
    await set;
    expect(await modesOf(host, id)).toEqual(['maintenance']);
  });
});
