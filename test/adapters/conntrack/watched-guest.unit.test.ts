import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { TCP_STATES } from '../../../src/actors/contracts/counted-connections.ts';
import { keysOfText } from '../../../src/adapters/conntrack/addresses.ts';
import { type KernelEntry, keyOfTuple } from '../../../src/adapters/conntrack/kernel-table.ts';
import { SharedDumps } from '../../../src/adapters/conntrack/shared-dumps.ts';
import { WatchedGuest } from '../../../src/adapters/conntrack/watched-guest.ts';
import { GUEST } from '../../contracts/activity.world.ts';

/** What is known of one guest, against a table that is known: events in order, events that are lost, dumps between them. */

const START = 1_000_000;
const CLIENTS = [1, 2, 3] as const;
type Client = (typeof CLIENTS)[number];

/** The kernel's own table, of a few clients. */
class Kernel {
  readonly entries = new Map<Client, KernelEntry>();
  #ids = 0;

  open(client: Client, state: string, protocol: 'tcp' | 'udp' = 'tcp'): KernelEntry {
    const id = this.entries.get(client)?.id ?? ++this.#ids;
    const tcp_state = protocol === 'tcp' ? (TCP_STATES as readonly string[]).indexOf(state) : null;
    const tuple = {
      source: keysOfText('203.0.113.7')[0]!,
      destination: keysOfText(GUEST.addresses[0]!)[0]!,
      protocol,
      source_port: 40_000 + client,
      destination_port: 80,
      zone: 0,
      original_zone: 0,
    };
    const entry: KernelEntry = {
      protocol,
      tcp_state,
      original: { source: '203.0.113.7', source_port: 40_000 + client },
      reply: { source: GUEST.addresses[0]!, source_port: 80 },
      key: keyOfTuple(tuple),
      tuple,
      guest: tuple.destination,
      id,
      timeout_s: 600,
      occurred_at: null,
    };
    this.entries.set(client, entry);
    return entry;
  }

  close(client: Client): KernelEntry | undefined {
    const entry = this.entries.get(client);
    this.entries.delete(client);
    return entry;
  }

  /** Who talks to the guest right now. */
  get live(): number {
    return [...this.entries.values()].filter(({ tcp_state }) => tcp_state === null || ![0, 7, 8].includes(tcp_state))
      .length;
  }
}

function watched(now = START): WatchedGuest {
  const guest = new WatchedGuest(GUEST, []);
  guest.dumpBegins();
  guest.dumpEnds(now, now);
  guest.wasTold();
  return guest;
}

function dump(guest: WatchedGuest, kernel: Kernel, now: number): number {
  guest.dumpBegins();
  for (const entry of kernel.entries.values()) guest.dumpFound(entry);
  return guest.dumpEnds(now, now);
}

const states = fc.constantFrom('SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'TIME_WAIT', 'CLOSE');
const happenings = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('open' as const), client: fc.constantFrom(...CLIENTS), state: states }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('close' as const), client: fc.constantFrom(...CLIENTS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('begin a dump' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('end a dump' as const) }) },
);

describe('what is known of the connections to a guest', () => {
  it('is the truth after every event and every dump, also of a dump that the table changes under', () => {
    fc.assert(
      fc.property(fc.array(happenings, { maxLength: 60 }), (row) => {
        const kernel = new Kernel();
        const guest = watched();
        let dumping: number | null = null;
        row.forEach((step, index) => {
          const now = START + index + 1;
          if (step.do === 'open') guest.hear(kernel.open(step.client, step.state), 'present', now);
          if (step.do === 'close') {
            const gone = kernel.close(step.client);
            if (gone !== undefined) guest.hear(gone, 'destroyed', now);
          }
          if (step.do === 'begin a dump' && dumping === null) {
            guest.dumpBegins();
            for (const entry of kernel.entries.values()) guest.dumpFound(entry);
            dumping = now;
          }
          if (step.do === 'end a dump' && dumping !== null) {
            guest.dumpEnds(dumping, now);
            dumping = null;
          }
          expect({ index, known: guest.connections }).toEqual({ index, known: kernel.live });
          expect(guest.since).toBeLessThanOrEqual(now);
        });
      }),
      { numRuns: 500, seed: 20_260_101 },
    );
  });

  it('is the truth again after a dump, whatever was lost before, and never idle for longer than was heard', () => {
    const lossy = fc.array(fc.tuple(happenings, fc.boolean()), { maxLength: 40 });
    fc.assert(
      fc.property(lossy, (row) => {
        const kernel = new Kernel();
        const guest = watched();
        let lastHeard = START;
        row.forEach(([step, isLost], index) => {
          const now = START + index + 1;
          const entry = step.do === 'open' ? kernel.open(step.client, step.state) : undefined;
          const gone = step.do === 'close' ? kernel.close(step.client) : undefined;
          if (entry !== undefined && !isLost) guest.hear(entry, 'present', now);
          if (gone !== undefined && !isLost) guest.hear(gone, 'destroyed', now);
          if (guest.connections > 0) lastHeard = now;
          if (step.do === 'end a dump') {
            dump(guest, kernel, now);
            expect({ index, known: guest.connections }).toEqual({ index, known: kernel.live });
          }
          if (guest.connections === 0) expect(guest.since).toBeGreaterThanOrEqual(lastHeard);
        });
      }),
      { numRuns: 500, seed: 20_260_101 },
    );
  });

  it('counts what no event had told of, so that loss without a word is seen', () => {
    const kernel = new Kernel();
    const guest = watched();
    kernel.open(1, 'ESTABLISHED');
    expect([dump(guest, kernel, START + 10), guest.connections, guest.edge]).toEqual([1, 1, true]);
    expect(dump(guest, kernel, START + 20)).toBe(0);
  });

  it('is told at once when it becomes none or some, and gathered when it is only another number', () => {
    const kernel = new Kernel();
    const guest = watched();
    const heard: boolean[] = [];
    const hear = (entry: KernelEntry, change: 'present' | 'destroyed', now: number): void => {
      guest.hear(entry, change, now);
      heard.push(guest.edge);
      guest.wasTold();
    };
    hear(kernel.open(1, 'SYN_SENT'), 'present', START + 1);
    hear(kernel.open(2, 'SYN_SENT'), 'present', START + 2);
    hear(kernel.close(1)!, 'destroyed', START + 3);
    hear(kernel.close(2)!, 'destroyed', START + 4);
    expect([heard, guest.since]).toEqual([[true, false, false, true], START + 4]);
  });

  it('does not end with the entry of an earlier connection between the same two ports', () => {
    const kernel = new Kernel();
    const guest = watched();
    const first = kernel.open(1, 'ESTABLISHED');
    guest.hear(first, 'present', START + 1);
    kernel.close(1);
    guest.hear(kernel.open(1, 'SYN_SENT'), 'present', START + 2);
    guest.hear(first, 'destroyed', START + 3);
    expect(guest.connections).toBe(1);
  });

  it('is to be read again when nothing is left but UDP whose time is over', () => {
    const kernel = new Kernel();
    const guest = watched();
    guest.hear(kernel.open(1, '', 'udp'), 'present', START);
    expect(guest.readAgainAt).toBe(START + 600_000);
    guest.hear(kernel.open(2, 'ESTABLISHED'), 'present', START);
    expect(guest.readAgainAt).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('dumps that several wait for', () => {
  it('serve all who asked before they began, and nobody who asked after', async () => {
    const clock = new SimulatedClock(START);
    const begun: PromiseWithResolvers<void>[] = [];
    const dumps = new SharedDumps(clock, () => {
      begun.push(Promise.withResolvers<void>());
      return begun.at(-1)!.promise;
    });
    const served: string[] = [];
    const ask = (name: string): void => void dumps.next().then(() => served.push(name));
    for (const name of ['a', 'b', 'c']) ask(name);
    await clock.settle();
    ask('late');
    begun[0]!.resolve();
    await clock.settle();
    expect([begun.length, served]).toEqual([2, ['a', 'b', 'c']]);
    begun[1]!.resolve();
    await clock.settle();
    expect([begun.length, served]).toEqual([2, ['a', 'b', 'c', 'late']]);
  });
});
