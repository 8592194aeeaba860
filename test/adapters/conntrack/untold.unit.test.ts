/** Goal: a daemon that does not read is not written to without end. Method: a channel that takes a message only when told to. */
import { describe, expect, it } from 'vitest';
import type { FromCollector, WatchReading } from '../../../src/adapters/conntrack/messages.ts';
import { unreadStatus } from '../../../src/adapters/conntrack/observer-status.ts';
import { READINGS_AT_ONCE_MAX, Untold } from '../../../src/adapters/conntrack/untold.ts';

const IN_ORDER = unreadStatus('in_order', null);

function scene() {
  const sent: FromCollector[] = [];
  const taken: (() => void)[] = [];
  const untold = new Untold<number>({
    send: (message, leave) => {
      sent.push(message);
      taken.push(leave);
    },
    status: () => IN_ORDER,
    readingOf: (watch): WatchReading | null => (watch < 0 ? null : { watch, connections: watch, since: 0, listed: [] }),
  });
  const take = (): void => taken.shift()?.();
  return { untold, sent, take, kinds: () => sent.map(({ kind }) => kind) };
}

describe('what a collector tells without being asked', () => {
  it('waits while the daemon reads nothing: one message is under way, however much happens', () => {
    const { untold, kinds, take } = scene();
    for (let n = 0; n < 10_000; n += 1) {
      untold.statusDue();
      untold.lost(`loss ${n}`);
      untold.changed([n % 3]);
    }
    expect(kinds()).toEqual(['status']);
    for (let n = 0; n < 5; n += 1) take();
    expect(kinds()).toEqual(['status', 'lost', 'readings', 'status']);
  });

  it('tells of a loss before anything that was read after it, and of nothing that was read before', () => {
    const { untold, sent, take } = scene();
    untold.statusDue();
    untold.changed([1, 2]);
    untold.lost('the first');
    untold.lost('the second');
    untold.changed([2]);
    take();
    take();
    expect(sent.slice(1)).toMatchObject([
      { kind: 'lost', error: 'the second' },
      { kind: 'readings', readings: [{ watch: 2 }] },
    ]);
  });

  it('is told as it is when its turn has come, so many at a time, and not of those who are watched no more', () => {
    const { untold, sent, take } = scene();
    const all = Array.from({ length: READINGS_AT_ONCE_MAX + 5 }, (_, watch) => watch);
    untold.statusDue();
    untold.changed([...all, -1]);
    untold.unwatched(3);
    for (let n = 0; n < 4; n += 1) take();
    const told = sent.flatMap((message) => (message.kind === 'readings' ? [message.readings.length] : []));
    expect(told).toEqual([READINGS_AT_ONCE_MAX, 4]);
  });

  it('is told at once while the daemon reads', () => {
    const { untold, kinds, take } = scene();
    untold.lost('gone');
    take();
    untold.changed([1]);
    take();
    untold.statusDue();
    expect(kinds()).toEqual(['lost', 'readings', 'status']);
  });
});
