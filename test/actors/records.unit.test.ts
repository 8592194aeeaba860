import { describe, expect, it } from 'vitest';
import type { ExternalEvent } from '../../machines/events.ts';
import { type InstanceRecord, SYSTEM_CAUSE } from '../../machines/record.ts';
import { EMPTY_SNAPSHOT, fromStateData, step } from '../../machines/step.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import {
  CHART,
  DEFINITION_RESTATED_EVERY,
  type Head,
  headAfter,
  isRestatementDue,
  landmarkOf,
  nextRecord,
} from '../../src/actors/records.ts';
import { definition } from './simulated-host.ts';

const AT = Date.UTC(2026, 0, 1, 12);
const EMPTY: Head = { stream: 'a', version: 0, at: 0, snapshot: EMPTY_SNAPSHOT, timers: [], definitionAt: 0 };
const policy = { policy: 'always', backoff_ms: 5_000, max_attempts: 0, stable_after_ms: 60_000 } as const;

function advance(head: Head, event: ExternalEvent): { record: InstanceRecord; head: Head } {
  const result = step(head.snapshot, event);
  const record = nextRecord(head, result, { id: `r${head.version + 1}`, event, cause: SYSTEM_CAUSE });
  return { record, head: headAfter(record, result.next) };
}

function life(...events: ExternalEvent[]): { records: InstanceRecord[]; head: Head } {
  const records: InstanceRecord[] = [];
  let head = EMPTY;
  for (const event of events) {
    const next = advance(head, event);
    records.push(next.record);
    head = next.head;
  }
  return { records, head };
}

const create: ExternalEvent = { type: 'create', at: AT, by: 'ann', definition: definition(), wanted: 'running' };
const prepared: ExternalEvent = { type: 'effect.done', at: AT, effect: 'a/1/0', kind: 'instance.prepare', run: 0 };
const booted: ExternalEvent = { type: 'effect.done', at: AT + 10, effect: 'a/2/0', kind: 'vmm.boot', run: 1, pid: 7 };
const ready: ExternalEvent = { type: 'guest.ready', at: AT + 20, run: 1 };

describe('records of an instance', () => {
  it('are numbered without gaps and name the chart that made them', () => {
    const { records } = life(create, prepared, booted, ready);
    expect(records.map(({ version }) => version)).toEqual([1, 2, 3, 4]);
    expect(new Set(records.map(({ chart }) => chart.digest))).toEqual(new Set([CHART.digest]));
  });

  it('hold the definition where it changed, and name that version otherwise', () => {
    const update: ExternalEvent = { type: 'update', at: AT + 30, by: 'ann', changes: { restart_policy: policy } };
    const stop: ExternalEvent = { type: 'stop', at: AT + 40, by: 'ann' };
    const { records } = life(create, prepared, booted, ready, update, stop);
    expect(records.map((record) => record.definition !== undefined)).toEqual([true, false, false, false, true, false]);
    expect(records.map((record) => record.definition_at)).toEqual([1, 1, 1, 1, 5, 5]);
    expect(records[4]!.definition).toMatchObject({ restart_policy: policy });
  });

  it('hold the definition again once the last one that does lies far enough behind, and when the instance is gone', () => {
    const { head } = life(create, prepared, booted, ready);
    const stop: ExternalEvent = { type: 'stop', at: AT + 40, by: 'ann' };
    const result = step(head.snapshot, stop);
    const far = { ...head, version: DEFINITION_RESTATED_EVERY };
    expect([head, { ...far, version: far.version - 1 }, far].map((one) => isRestatementDue(one, result))).toEqual([
      false,
      false,
      true,
    ]);
    expect(isRestatementDue(head, { ...result, facts: [{ type: 'instance.deleted' }] as never })).toBe(true);
    const record = nextRecord(far, result, { id: 'r', event: stop, cause: SYSTEM_CAUSE, restate: true });
    expect(record.definition).toEqual(definition());
    expect(record.definition_at).toBe(record.version);
  });

  it('give as landmark the piece of their text that is the definition', () => {
    const { records } = life(create, prepared);
    expect(JSON.stringify(records[0])).toContain(landmarkOf(records[0]!));
    expect(JSON.parse(landmarkOf(records[0]!)!)).toEqual(definition());
    expect(landmarkOf(records[1]!)).toBeUndefined();
  });

  it('list every timer that waits after them, with the version that armed it', () => {
    const { records } = life(create, prepared, booted, ready);
    expect(records[1]!.timers.armed.map(({ name }) => name)).toEqual(['timer.boot_deadline']);
    expect(records[1]!.state.timers).toEqual([{ name: 'timer.boot_deadline', due: AT + 60_000, armed: 2 }]);
    expect(records[2]!.state.timers).toEqual(records[1]!.state.timers);
    expect(records[3]!.timers.cancelled).toEqual(['timer.boot_deadline']);
    expect(records[3]!.state.timers).toEqual([]);
  });

  it('no longer list a timer that has fired, and do not call it cancelled', () => {
    const { head, records } = life(create, prepared);
    const [deadline] = head.timers;
    const fired = advance(head, { type: deadline!.name, at: deadline!.due, due: deadline!.due, armed: 2 }).record;
    expect(records).toHaveLength(2);
    expect(fired.timers.cancelled).not.toContain('timer.boot_deadline');
    expect(fired.state.timers.map(({ name }) => name)).not.toContain('timer.boot_deadline');
  });

  it('are the whole snapshot: text read back gives the same state and goes on the same way', () => {
    const { records, head } = life(create, prepared, booted);
    const read = parseRecord(JSON.stringify(records.at(-1)));
    const snapshot = fromStateData(read.state, records[0]!.definition!);
    const restored = headAfter(read, snapshot);
    expect(JSON.stringify(advance(restored, ready).record)).toBe(JSON.stringify(advance(head, ready).record));
  });

  it('are not mistaken for other entries of the log', () => {
    expect(() => parseRecord('{"stream":"host","version":1}')).toThrow('not a record of an instance');
    expect(() => parseRecord('not json')).toThrow();
  });
});
