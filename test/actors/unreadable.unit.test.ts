import { describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../../machines/record.ts';
import type { Log, LogEntry } from '../../src/actors/contracts/log.ts';
import { CHART } from '../../src/actors/records.ts';
import { definition, OPERATOR, refusalCode, runningInstance, simulatedHost } from './simulated-host.ts';

/** Heads that cannot be gone on from. */

/** The log with one stream's head told otherwise. */
function withHead(log: Log, stream: () => string, change: (record: InstanceRecord) => object): Log {
  const changed = (entry: LogEntry): LogEntry =>
    entry.stream === stream()
      ? { ...entry, bytes: JSON.stringify(change(JSON.parse(entry.bytes) as InstanceRecord)) }
      : entry;
  return {
    ...log,
    survives: log.survives,
    heads: async function* () {
      for await (const entry of log.heads()) yield changed(entry);
    },
  };
}

describe('a head that cannot be gone on from', () => {
  test('sets its own instance aside, visibly and with its VM untouched, while the others go on', async () => {
    let broken = '';
    const host = await simulatedHost();
    const first = await runningInstance(host);
    const second = await runningInstance(host, { name: 'second' });
    broken = first;
    const log = withHead(
      host.log,
      () => broken,
      (record) => {
        const { expiry: _missing, ...value } = record.state.value as Record<string, unknown>;
        return { ...record, definition: definition(), state: { ...record.state, value } };
      },
    );
    await host.restart({ log });
    expect(host.instances.get(first)).toMatchObject({ state: 'Unknown', phase: 'quarantined' });
    expect(host.instances.get(first)?.state_error).toContain('expiry');
    expect(await refusalCode(host.supervisor.command(first, { type: 'stop', by: 'x' }, OPERATOR))).toBe(
      'instance_unreadable',
    );
    expect(await host.control.countVmms(first)).toBe(1);
    await host.supervisor.command(second, { type: 'stop', by: 'x' }, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.instances.get(second)).toMatchObject({ state: 'Stopped' });
    expect(await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR))).toBe('name_conflict');
  });

  describe('keeps what its instance may be using', () => {
    const GB = 1024 ** 3;
    const MEMORY = 128 * 1024 ** 2;
    const capacity = {
      memory_bytes: 1.5 * MEMORY,
      vcpus: 64,
      disk_bytes: 100 * GB,
      overcommit: { memory: 1, vcpus: 1, disk: 1 },
    };
    const withPort = { network: { enabled: true, ports: [{ host_port: 21_000, guest_port: 80 }] } };

    test.each([
      ['names the record with its definition', (record: InstanceRecord) => ({ ...record, state: { value: {} } })],
      ['names a record without one', (record: InstanceRecord) => ({ ...record, state: {}, definition_at: 2 })],
      ['is no record at all', () => ({ what: 'is this' })],
    ])('when it %s', async (_what, change) => {
      const host = await simulatedHost({ capacity });
      const id = await runningInstance(host, withPort);
      await host.restart({ log: withHead(host.log, () => id, change) });
      expect(host.supervisor.capacity().memory_bytes.used).toBe(MEMORY);
      const refusals = [definition(), definition({ name: 'other', ...withPort }), definition({ name: 'third' })];
      const codes: string[] = [];
      for (const one of refusals) codes.push(await refusalCode(host.supervisor.create(one, 'running', OPERATOR)));
      expect(codes).toEqual(['name_conflict', 'insufficient_resources', 'insufficient_resources']);
      expect(host.supervisor.resolve('web')).toBe(id);
      expect(await host.control.countVmms(id)).toBe(1);
    });

    test('and is shown, although its definition stands in an earlier record', async () => {
      const host = await simulatedHost();
      const id = await runningInstance(host);
      const log = withHead(
        host.log,
        () => id,
        (record) => ({ ...record, state: { ...record.state, value: { lifecycle: 'elsewhere' } } }),
      );
      await host.restart({ log });
      expect(host.instances.get(id)).toMatchObject({ name: 'web', state: 'Unknown', phase: 'quarantined' });
    });

    test('a definition that is nowhere is said to be unknown', async () => {
      const host = await simulatedHost({ capacity });
      const id = await runningInstance(host);
      const log = withHead(
        { ...host.log, read: async function* () {} },
        () => id,
        () => ({}),
      );
      await host.restart({ log });
      expect(host.problems).toContain('The log does not tell what this instance holds of the host.');
    });
  });

  test('written by a newer chart refuses the whole start by name', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const newer = (record: InstanceRecord): object => ({
      ...record,
      chart: { ...record.chart, version: CHART.version + 1 },
    });
    const log = withHead(host.log, () => id, newer);
    await expect(host.restart({ log })).rejects.toMatchObject({ code: 'log_from_newer_version' });
  });
});
