import assert from 'node:assert/strict';
import type { ActivityReading } from '../../src/actors/contracts/activity.ts';
import { CONNECTIONS_LISTED_MAX } from '../../src/actors/contracts/activity.ts';
import {
  type ActivityWorld,
  confirmed,
  connectionsIn,
  counts,
  DATAGRAMS,
  FLOW,
  FLOW6,
  type Flow,
  listen,
  PROBES_FROM,
  STATES,
} from './activity.world.ts';
import { lossChecks, removalChecks } from './activity-loss.contract.ts';
import { type ContractCheck, contractSuite } from './contract-suite.ts';

export type { ActivityWorld } from './activity.world.ts';
export type ActivityCheck = ContractCheck<ActivityWorld>;

/** The only ones that do not count; all others do, whatever they are. */
const OVER: readonly string[] = ['NONE', 'TIME_WAIT', 'CLOSE'];
const CONFIRMED_AT_ONCE = 50;
/** Dumps while all of these confirm: one that was under way, one for all of them, and what is read now and then. */
const SHARED_DUMPS_MAX = CONFIRMED_AT_ONCE / 5;
const SHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
/** Long enough for a busy machine to see it meanwhile. */
const UDP_TIMEOUT_MS = 3_000;

const ANOTHER: Flow = { ...FLOW, client_port: 40_002 };

function sinceIn(reading: ActivityReading): number {
  assert.equal(reading.observer, 'in_order');
  return reading.observer === 'in_order' ? reading.since : Number.NaN;
}

const counting: readonly ActivityCheck[] = [
  {
    name: 'the first reading is of the table: what was open before counts',
    run: async (world) => {
      await world.open(FLOW);
      const heard = listen(world);
      const first = await heard.next(() => true);
      assert.equal(connectionsIn(first), 1);
    },
  },
  {
    name: 'a connection counts from its opening to its end, over IPv4 and IPv6, TCP and UDP',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      for (const flow of [FLOW, FLOW6, DATAGRAMS, { ...DATAGRAMS, client: FLOW6.client, to: FLOW6.to }]) {
        await world.open(flow);
        await heard.next(counts(1));
        await world.end(flow);
        await heard.next(counts(0));
      }
    },
  },
  {
    name: 'every state of TCP counts, half-open and half-closed ones too, but NONE, TIME_WAIT and CLOSE',
    run: async (world) => {
      for (const [index, state] of STATES.entries()) await world.open({ ...FLOW, client_port: 41_000 + index }, state);
      const live = STATES.filter((state) => !OVER.includes(state)).length;
      assert.equal(connectionsIn(await listen(world).next(() => true)), live);
      assert.equal(await confirmed(world), live);
    },
  },
  {
    name: 'a connection that is half-open counts, and is over when the kernel has seen its end, not when it forgets it',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      await world.open(FLOW, 'SYN_SENT');
      await heard.next(counts(1));
      await world.open(FLOW, 'FIN_WAIT');
      assert.equal(await confirmed(world), 1);
      await world.open(FLOW, 'TIME_WAIT');
      await heard.next(counts(0));
      assert.equal(await confirmed(world), 0);
    },
  },
  {
    name: 'UDP counts until its time has run out, which nobody tells of',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      const before = world.now();
      await world.open(DATAGRAMS, 'ESTABLISHED', UDP_TIMEOUT_MS);
      await heard.next(counts(1));
      const idle = await heard.next(counts(0));
      assert.ok(sinceIn(idle) >= before + UDP_TIMEOUT_MS / 2, 'it did not count for as long as its entry lasted');
    },
  },
  {
    name: 'ignored sources, ignored ports and our own probes do not count, whatever the form of the address',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      const ignored: Flow[] = [
        { ...FLOW, client: '198.51.100.9' },
        { ...FLOW6, client: '2001:db8:1::9' },
        { ...FLOW, port: 9100 },
        { ...FLOW, client: PROBES_FROM },
      ];
      for (const flow of ignored) await world.open(flow);
      await world.open(ANOTHER);
      await heard.next(counts(1));
      assert.equal(await confirmed(world), 1);
      assert.equal(heard.readings.filter((reading) => connectionsIn(reading) > 1).length, 0);
    },
  },
  {
    name: 'connections to somebody else do not count',
    run: async (world) => {
      const [heard, neighbour] = [listen(world), listen(world, world.neighbour)];
      await heard.next(counts(0));
      await world.open({ ...FLOW, to: '10.9.0.3' });
      await world.open({ ...FLOW6, to: 'fd00:9::3' });
      await neighbour.next(counts(2));
      assert.equal(await confirmed(world), 0);
      assert.ok(heard.readings.every(counts(0)));
    },
  },
];

const telling: readonly ActivityCheck[] = [
  {
    name: 'since when there are none, or some, is told: it changes with the kind, and is never in the future',
    run: async (world) => {
      const heard = listen(world);
      const idle = await heard.next(counts(0));
      await world.pass(20);
      const opened = world.now();
      await world.open(FLOW);
      const busy = await heard.next(counts(1));
      await world.open(ANOTHER);
      const busier = await heard.next(counts(2));
      await world.end(ANOTHER);
      await world.pass(20);
      const closed = world.now();
      await world.end(FLOW);
      const idleAgain = await heard.next(counts(0));
      assert.ok(sinceIn(idle) <= opened);
      assert.ok(sinceIn(busy) >= opened, 'busy since before it was');
      assert.equal(sinceIn(busier), sinceIn(busy));
      assert.ok(sinceIn(idleAgain) >= closed, 'idle since before it was');
      for (const reading of heard.readings) assert.ok(sinceIn(reading) <= world.now(), 'since the future');
    },
  },
  {
    name: 'the connections are listed, as many as one view takes, and all of them counted',
    run: async (world) => {
      assert.equal(world.source.connectionsOf(world.guest.instance), undefined);
      const heard = listen(world);
      await heard.next(counts(0));
      await world.open(FLOW);
      await heard.next(counts(1));
      const { client, client_port, port, protocol } = FLOW;
      const connection = { protocol, client, client_port, port, state: 'ESTABLISHED' };
      assert.deepEqual(world.source.connectionsOf('web'), { connections: 1, listed: [connection] });
      const more = CONNECTIONS_LISTED_MAX + 1;
      for (let n = 0; n < more; n += 1) await world.open({ ...FLOW, client_port: 42_000 + n });
      await heard.next(counts(more + 1));
      assert.equal(world.source.connectionsOf('web')?.listed.length, CONNECTIONS_LISTED_MAX);
      heard.stop();
      assert.equal(world.source.connectionsOf('web'), undefined);
    },
  },
  {
    name: 'nothing is told to whoever has stopped watching',
    run: async (world) => {
      const [stopped, heard] = [listen(world), listen(world)];
      await stopped.next(counts(0));
      await heard.next(counts(0));
      stopped.stop();
      await world.open(FLOW);
      await heard.next(counts(1));
      assert.equal(stopped.readings.length, 1);
    },
  },
];

const confirming: readonly ActivityCheck[] = [
  {
    name: 'a confirmation reads the table: it finds what nobody was told of, opened or ended',
    run: async (world) => {
      const unheard = world.unheard ?? ((work) => work());
      await listen(world).next(counts(0));
      await unheard(() => world.open(FLOW));
      assert.equal(await confirmed(world), 1);
      await unheard(() => world.end(FLOW));
      assert.equal(await confirmed(world), 0);
    },
  },
  {
    name: 'whoever confirms at the same moment shares a dump',
    run: async (world) => {
      await world.open(FLOW);
      await confirmed(world);
      const before = world.source.status().dumps;
      const asked = Array.from({ length: CONFIRMED_AT_ONCE }, () => confirmed(world));
      assert.deepEqual(new Set(await Promise.all(asked)), new Set([1]));
      const dumps = world.source.status().dumps - before;
      assert.ok(dumps >= 1 && dumps <= SHARED_DUMPS_MAX, `${dumps} dumps for ${CONFIRMED_AT_ONCE} confirmations`);
    },
  },
  {
    name: 'a table that cannot be read confirms nothing, and it is said why, until it can be read again',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      await world.setReadable(false);
      const answer = await world.source.confirm(world.guest);
      assert.equal(answer.observer, 'lost');
      if (answer.observer === 'lost') assert.ok(answer.error.length > 0 && !SHOWN.test(answer.error));
      await world.setReadable(true);
      await world.open(FLOW);
      let again = await world.source.confirm(world.guest);
      for (let waitedMs = 0; waitedMs < world.patienceMs && again.observer === 'lost'; waitedMs += 100) {
        await world.pass(100);
        again = await world.source.confirm(world.guest);
      }
      assert.equal(connectionsIn(again), 1);
    },
  },
];

/** For those that hear of events. */
export const briefChecks: readonly ActivityCheck[] = [
  {
    name: 'one that is opened and ended at once is told of, if only by a later since',
    run: async (world) => {
      const heard = listen(world);
      const idle = await heard.next(counts(0));
      await world.pass(20);
      const opened = world.now();
      await world.open(FLOW);
      await world.end(FLOW);
      const later = await heard.next((reading) => counts(0)(reading) && sinceIn(reading) > sinceIn(idle));
      assert.ok(sinceIn(later) >= opened, 'idle since before it was');
    },
  },
];

/** Rules for every source. */
export const activityChecks = [...counting, ...telling, ...confirming];

export interface ActivitySuite {
  readonly make: () => Promise<ActivityWorld>;
  readonly limitMs: number;
  readonly without?: readonly ActivityCheck[];
}

export function activityContract(kind: string, { make, limitMs, without = [] }: ActivitySuite): void {
  const checks = [...activityChecks, ...briefChecks, ...removalChecks, ...lossChecks].filter(
    (check) => !without.includes(check),
  );
  contractSuite({ title: `the activity contract, kept by ${kind}`, checks, make, limitMs });
}
