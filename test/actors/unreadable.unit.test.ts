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
