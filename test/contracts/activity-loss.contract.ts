import assert from 'node:assert/strict';
import { type ActivityWorld, confirmed, connectionsIn, counts, FLOW, FLOW6, isLost, listen } from './activity.world.ts';
import type { ContractCheck } from './contract-suite.ts';

/** Longer than any removal takes. */
const IN_TIME_MS = 60_000;

/** Rules for a source that may remove entries. */
export const removalChecks: readonly ContractCheck<ActivityWorld>[] = [
  {
    name: 'entries to a former guest are removed, in every state, and nobody else’s are',
    run: async (world) => {
      const neighbour = listen(world, world.neighbour);
      await world.open({ ...FLOW, to: '10.9.0.3' });
      await world.open(FLOW);
      await world.open(FLOW6);
      await world.open({ ...FLOW, client_port: 40_009 }, 'TIME_WAIT');
      assert.equal(await confirmed(world), 2);
      await world.source.forget(world.guest.addresses, world.now() + IN_TIME_MS);
      assert.equal(await confirmed(world), 0);
      assert.equal(connectionsIn(await world.source.confirm(world.neighbour)), 1);
      await neighbour.next(counts(1));
    },
  },
  {
    name: 'what was not removed in time is not removed later',
    run: async (world) => {
      await world.open(FLOW);
      await assert.rejects(world.source.forget(world.guest.addresses, world.now()));
      assert.equal(await confirmed(world), 1);
    },
  },
  {
    name: 'to forget no address removes nothing',
    run: async (world) => {
      await world.open(FLOW);
      await world.source.forget([], world.now() + IN_TIME_MS);
      await world.source.forget(['10.9.0.77'], world.now() + IN_TIME_MS);
      assert.equal(await confirmed(world), 1);
    },
  },
];

/** Rules for a source that is told of events, and so can miss them. */
export const lossChecks: readonly ContractCheck<ActivityWorld>[] = [
  {
    name: 'loss of events is told at once, counted, and ends with a reading of the table',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      const { losses } = world.source.status();
      await world.overrun?.();
      await heard.next(isLost);
      await world.open(FLOW);
      await heard.next(counts(1));
      const after = world.source.status();
      assert.ok(after.losses > losses, 'a loss was not counted');
      assert.equal(after.state, 'in_order');
    },
  },
  {
    name: 'while the table cannot be read after a loss, it stays lost, and so it is for whoever begins to watch',
    run: async (world) => {
      const heard = listen(world);
      await heard.next(counts(0));
      await world.setReadable(false);
      await world.overrun?.();
      await heard.next(isLost);
      const late = listen(world, world.neighbour);
      await late.next(isLost);
      await world.pass(200);
      assert.ok(heard.readings.slice(1).every(isLost), 'it was told in order and was not');
      assert.equal(world.source.status().state, 'lost');
      assert.equal(world.source.connectionsOf(world.guest.instance), undefined);
      await world.setReadable(true);
      await heard.next(counts(0));
      await late.next(counts(0));
    },
  },
];
