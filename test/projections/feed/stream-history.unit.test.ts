/**
 * Goal: history finds what is asked for, from either end, and tells how every effect ended. Method: the kept histories in
 * a log, each answer compared with what a plain filter over all records gives.
 */
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Log, LogEntry, Token } from '../../../src/actors/contracts/log.ts';
import { createMemoryLog } from '../../../src/adapters/log-memory/memory-log.ts';
import { OutcomeCollector } from '../../../src/projections/feed/effect-outcomes.ts';
import { lastOperations, OperationsReader } from '../../../src/projections/feed/operations-log.ts';
import type { ReadableLog } from '../../../src/projections/feed/readable-log.ts';
import { passes, type RecordFilter } from '../../../src/projections/feed/record-filter.ts';
import { HISTORY_SCAN_MAX, type HistoryPage, historyPage } from '../../../src/projections/feed/stream-history.ts';
import { outcomeWords, tellsItsEnd } from '../../../src/projections/words/effect-words.ts';
import { recordedHistories } from '../../histories/recorded.ts';

const histories = recordedHistories(1);

/** All histories in one log, each under its own name: their streams were recorded apart and may be called alike. */
async function logOf(): Promise<Log> {
  const log = createMemoryLog();
  for (const { name, entries } of histories) {
    let token: Token | null = null;
    for (const { bytes } of entries) {
      const result = await log.append(name, token, bytes);
      token = result.kind === 'appended' ? result.token : null;
    }
  }
  return log;
}

let log: Log;
beforeAll(async () => {
  log = await logOf();
});

/** Follows `next` to the end. */
async function whole(query: Parameters<typeof historyPage>[1]): Promise<HistoryPage[]> {
  const pages: HistoryPage[] = [];
  for (let from = query.from; ; ) {
    const page = await historyPage(log, { ...query, from });
    if (page === null) return pages;
    pages.push(page);
    if (page.next === null) return pages;
    from = page.next;
  }
}

describe('history', () => {
  test('in pages, from either end and under any filter, is what a filter over all records gives', async () => {
    const types = histories.flatMap(({ records }) =>
      records.flatMap(({ event, facts }) => [event.type, ...facts.map((fact) => fact.type)]),
    );
    const filters = fc.record(
      {
        type: fc.oneof(
          fc.constantFrom(...new Set(types)),
          fc.constantFrom('restart.', 'instance.', 'effect.', 'timer.'),
        ),
        actor: fc.constantFrom('system', 'ada', 'nobody'),
        via: fc.constantFrom('system', 'http', 'cli'),
        run: fc.integer({ min: 0, max: 3 }),
      },
      { requiredKeys: [] },
    );
    const spans = fc.record({ since: fc.nat(40), until: fc.nat(40) }, { requiredKeys: [] });
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...histories),
        fc.constantFrom('oldest' as const, 'newest' as const),
        fc.integer({ min: 1, max: 7 }),
        filters,
        spans,
        async ({ name, records }, order, limit, rest, span) => {
          const at = (index: number | undefined) =>
            index === undefined ? undefined : (records[index]?.at ?? records.at(-1)!.at + 1);
          const filter: RecordFilter = { ...rest, since: at(span.since), until: at(span.until) };
          const pages = await whole({ stream: name, order, limit, filter });
          const got = pages.flatMap((page) => page.records.map(({ version }) => version));
          const wanted = records.filter((record) => passes(record, filter)).map(({ version }) => version);
          expect(got).toEqual(order === 'oldest' ? wanted : wanted.toReversed());
          for (const page of pages) expect(page.records.length).toBeLessThanOrEqual(limit);
        },
      ),
      { numRuns: 300 },
    );
  });

  test('of a stream that does not exist is none', async () => {
    expect(await historyPage(log, { stream: 'nobody', order: 'oldest', limit: 5, filter: {} })).toBeNull();
  });

  test('looks at no more than so many records in one page, and goes on where it stopped', async () => {
    const long = createMemoryLog();
    let token: Token | null = null;
    for (let version = 1; version <= HISTORY_SCAN_MAX + 10; version++) {
      const record = {
        stream: 'long',
        version,
        at: version,
        event: { type: version === 1 ? 'create' : 'stop' },
        cause: {},
      };
      const result = await long.append('long', token, JSON.stringify(record));
      token = result.kind === 'appended' ? result.token : null;
    }
    const query = { stream: 'long', order: 'newest', limit: 5, filter: { type: 'create' } } as const;
    const first = await historyPage(long, query);
    expect(first).toMatchObject({ records: [], next: 10 });
    const second = await historyPage(long, { ...query, from: first!.next! });
    expect(second).toMatchObject({ records: [{ version: 1 }], next: null });
  });

  test('begins where a time lies without reading what comes before', async () => {
    const long = createMemoryLog();
    let token: Token | null = null;
    for (let version = 1; version <= 3_000; version++) {
      const record = { stream: 'long', version, at: 10 * version, event: { type: 'stop' }, cause: {} };
      const result = await long.append('long', token, JSON.stringify(record));
      token = result.kind === 'appended' ? result.token : null;
    }
    let read = 0;
    const counted: Log = {
      ...long,
      async *read(...args) {
        for await (const entry of long.read(...args)) {
          read += 1;
          yield entry;
        }
      },
    };
    const page = await historyPage(counted, { stream: 'long', order: 'oldest', limit: 10, filter: { since: 29_875 } });
    expect(page!.records.map(({ version }) => version)).toEqual([
      2988, 2989, 2990, 2991, 2992, 2993, 2994, 2995, 2996, 2997,
    ]);
    expect(read).toBeLessThan(60);
  });
});

describe('how an effect ended', () => {
  const outcomesIn = async (name: string) => {
    const pages = await whole({ stream: name, order: 'oldest', limit: 3, filter: {} });
    return pages.flatMap((page) => page.records.flatMap(({ version }) => [...page.outcomes(version)]));
  };

  test('is told beside the record that asked for it, whatever page it stands on', async () => {
    for (const { name, records } of histories) {
      const outcomes = await outcomesIn(name);
      for (const { cause, version, at, event } of records) {
        if (cause.causation === null) continue;
        const told = outcomes.find(({ effect }) =>
          effect.endsWith(cause.causation!.slice(cause.causation!.indexOf('/'))),
        );
        const asked = records[Number(cause.causation.split('/')[1]) - 1]!;
        expect(told, `${name} ${cause.causation}`).toMatchObject({ version, at, duration_ms: at - asked.at });
        if (event.type.startsWith('effect.')) expect(told!.ended).toBe(event.type.slice('effect.'.length));
      }
    }
  });

  test('is told once for each, and only those of the last record can still be under way', async () => {
    for (const { name, records } of histories) {
      const outcomes = await outcomesIn(name);
      const asked = records.flatMap((record) =>
        record.effects.map(({ kind }, n) => ({ kind, id: `/${record.version}/${n}` })),
      );
      const ends = asked.filter(({ kind }) => tellsItsEnd(kind));
      expect(new Set(outcomes.map(({ effect }) => effect)).size).toBe(outcomes.length);
      const open = ends.filter(({ id }) => !outcomes.some(({ effect }) => effect.endsWith(id)));
      for (const { id } of open) expect(Number(id.split('/')[1]), `${name} ${id}`).toBeGreaterThan(records.length - 3);
    }
  });

  test('a daemon that was killed meanwhile is said to have interrupted it', () => {
    const collector = new OutcomeCollector();
    const record = (version: number, event: object, effects: object[] = []) =>
      ({ stream: 's', version, at: 100 * version, event, facts: [], effects, cause: { causation: null } }) as never;
    collector.take(record(1, { type: 'start' }, [{ kind: 'vmm.boot', run: 1 }]), true);
    expect(collector.waiting).toBe(true);
    collector.take(record(2, { type: 'vmm.found', run: 1, found: { reality: 'running', ready: true } }), true);
    const outcome = { ended: 'interrupted', version: 2, duration_ms: 100, message: 'running' };
    expect(collector.of(1)).toEqual([expect.objectContaining(outcome)]);
    expect(collector.endedWith(2)).toEqual(collector.of(1));
  });

  test('a snapshot that is dropped has neither been withdrawn nor ended with its run, and nothing is waited for', () => {
    const collector = new OutcomeCollector();
    const record = (version: number, event: object, effects: object[] = [], facts: object[] = []) =>
      ({ stream: 's', version, at: 100 * version, event, facts, effects, cause: { causation: null } }) as never;
    collector.take(record(1, { type: 'effect.done' }, [{ kind: 'snapshot.drop', run: 1 }]), true);
    expect(collector.waiting).toBe(false);
    collector.take(record(2, { type: 'stop' }, [{ kind: 'effect.withdraw', run: 1 }]), true);
    collector.take(record(3, { type: 'vmm.exited' }, [], [{ type: 'instance.ended', run: 1 }]), true);
    expect(collector.of(1)).toEqual([]);
    expect(outcomeWords('snapshot.drop', undefined)).toBe('drop snapshot');
    expect(outcomeWords('vmm.boot', undefined)).toBe('boot under way');
  });

  test('a shutdown whose run is over needs no result of its own', async () => {
    const outcomes = await outcomesIn('stops');
    expect(outcomes.find(({ kind }) => kind === 'vmm.shutdown')).toMatchObject({
      ended: expect.stringMatching(/^(done|run_ended)$/),
    });
  });
});

/** All that it has to tell, until it has no more. */
async function linesFrom(reader: OperationsReader): Promise<string[]> {
  const lines: string[] = [];
  for (let after = -1; after !== reader.next; ) {
    after = reader.next;
    lines.push(...(await reader.read()).lines);
  }
  return lines;
}

describe('our operations as a log', () => {
  test('read on from any record has the lines that follow it, and reads each record once', async () => {
    for (const { name, records } of histories) {
      const { lines } = await lastOperations(log, name, 1_000);
      const reading: ReadableLog = {
        ...log,
        read: (...asked) => counted(log.read(...asked)),
      };
      let seen = 0;
      async function* counted(entries: AsyncIterable<LogEntry>): AsyncGenerator<LogEntry> {
        for await (const entry of entries) {
          seen += 1;
          yield entry;
        }
      }
      const reader = new OperationsReader(reading, { stream: name }, 0);
      await linesFrom(reader);
      await linesFrom(reader);
      expect(seen).toBe(records.length);
      for (const { version } of records) {
        const rest = await linesFrom(new OperationsReader(log, { stream: name }, version));
        expect(rest, `${name} v${version}`).toEqual(rest.length === 0 ? [] : lines.slice(-rest.length));
        const isLater = (line: string): boolean => Number(/ v(\d+) /.exec(line)![1]) > version;
        expect(rest).toHaveLength(lines.filter(isLater).length);
      }
    }
  });

  test('has the same lines whether it is read at its end or followed from its beginning', async () => {
    for (const { name } of histories) {
      const last = await lastOperations(log, name, 1_000);
      expect(await linesFrom(new OperationsReader(log, { stream: name }, 0))).toEqual(last.lines);
      expect(last.lines.length).toBeGreaterThan(1);
      expect((await lastOperations(log, name, 2)).lines).toEqual(last.lines.slice(-2));
    }
  });
});
