import assert from 'node:assert/strict';
import { contractSuite } from './contract-suite.ts';
import {
  address6,
  attach,
  attachedTo,
  GATEWAY6,
  known,
  lease,
  type NetworkCheck,
  type NetworkWorld,
  NOTHING,
  RANGE,
  refusal,
  wanted,
} from './network.world.ts';
import { addressingChecks, trackingChecks } from './network-tracking.contract.ts';

export type { NetworkCheck, NetworkWorld } from './network.world.ts';

const [first, second] = [lease(1), lease(2)];

const attaching: readonly NetworkCheck[] = [
  {
    name: 'attach makes everything a guest needs, and says what to tell it',
    run: async ({ network, seen }) => {
      const { tap, ...told } = await attach(network, first);
      const { mac, address } = first;
      const ipv4 = { address, prefix: RANGE.prefix, gateway: RANGE.gateway };
      assert.deepEqual(told, { mac, ...ipv4, address6: address6(1), prefix6: 64, gateway6: GATEWAY6 });
      assert.notEqual(tap, '');
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'attach is idempotent, also for the object of a later daemon',
    run: async ({ network, reopen, seen }) => {
      const once = await attach(network, first);
      assert.deepEqual(await attach(network, first), once);
      assert.deepEqual(await attach(reopen(), first), once);
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'attach that was withdrawn before it began makes nothing',
    run: async ({ network, seen }) => {
      assert.ok('error' in (await network.attach(first, AbortSignal.abort())));
      assert.deepEqual(await seen(), NOTHING);
    },
  },
  {
    name: 'a tap that another process has open is refused as tap_busy and stays its own',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.holdTap(first.instance);
      assert.equal(await refusal(network, first), 'tap_busy');
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'an address that somebody else answers for is refused as address_taken, and nothing is left of it',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.answerFor(second.address);
      assert.equal(await refusal(network, second), 'address_taken');
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'an address of another range is refused as out_of_range, and nothing is made',
    run: async ({ network, seen }) => {
      assert.equal(await refusal(network, { ...first, address: '10.99.0.2' }), 'out_of_range');
      assert.deepEqual(await seen(), NOTHING);
    },
  },
  {
    name: 'without the rights nothing is made, and both attach and check say no_rights',
    run: async ({ withoutRights, seen }) => {
      const powerless = withoutRights();
      assert.equal(await refusal(powerless, first), 'no_rights');
      assert.ok((await powerless.check()).some(({ code }) => code === 'no_rights'));
      assert.equal(powerless.status().last_error?.code, 'no_rights');
      assert.deepEqual(await seen(), NOTHING);
    },
  },
];

const leaving: readonly NetworkCheck[] = [
  {
    name: 'detach removes everything of one instance and nothing of another, and may be repeated',
    run: async ({ network, seen }) => {
      await attach(network, first);
      await attach(network, second);
      assert.equal(await network.detach(first.instance), null);
      assert.equal(await network.detach(first.instance), null);
      assert.deepEqual(await seen(), attachedTo(second));
    },
  },
  {
    name: 'reconcile removes what a crash left of instances that nobody knows',
    run: async ({ network, reopen, seen }) => {
      await attach(network, first);
      await attach(network, second);
      const done = await reopen().reconcile(known(second));
      assert.ok('removed' in done && done.removed.length > 0, JSON.stringify(done));
      assert.deepEqual(await seen(), attachedTo(second));
    },
  },
  {
    name: 'reconcile leaves a known instance alone whose lease cannot be read',
    run: async ({ network, reopen, seen }) => {
      await attach(network, first);
      const isKnown = (instance: string): boolean => instance === first.instance;
      await reopen().reconcile(() => ({ leases: [], isKnown }));
      const { taps, onBridge, filter } = await seen();
      assert.deepEqual({ taps, onBridge, filter }, { taps: [first.instance], onBridge: taps, filter: taps });
    },
  },
  {
    name: 'whoever is attached after reconcile began is not taken for a leftover',
    run: async ({ network, seen }) => {
      const reconciled = network.reconcile(known());
      const attached = network.attach(first, wanted());
      assert.ok('removed' in (await reconciled));
      assert.ok('attachment' in (await attached));
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'remove is refused as in_use while a guest uses the network, and then leaves nothing',
    run: async ({ network, seen, hands, reopen }) => {
      await attach(network, first);
      await attach(network, second);
      await hands.holdTap(first.instance);
      assert.equal((await network.remove())?.code, 'in_use');
      assert.deepEqual(await seen(), attachedTo(first, second));
      assert.equal(await network.detach(first.instance), null);
      assert.equal(await reopen().remove(), null);
      assert.equal(await reopen().remove(), null);
      assert.deepEqual(await seen(), NOTHING);
    },
  },
];

const repairing: readonly NetworkCheck[] = [
  {
    name: 'a bridge that was removed is made again by the next attach, with the guests it had, and that is told',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.removeBridge();
      assert.equal((await seen()).bridge, false);
      await attach(network, second);
      assert.deepEqual(await seen(), attachedTo(first, second));
      assert.equal(network.status().repairs, 1);
    },
  },
  {
    name: 'a bridge that was removed is made again by reconcile, with the guests it had',
    run: async ({ network, reopen, seen, hands }) => {
      await attach(network, first);
      await hands.removeBridge();
      const done = await reopen().reconcile(known(first));
      assert.ok('repaired' in done && done.repaired.length > 0, JSON.stringify(done));
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'a packet filter that was removed is made again with every guest by the next attach',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.removeTable();
      assert.deepEqual((await seen()).filter, []);
      await attach(network, second);
      assert.deepEqual(await seen(), attachedTo(first, second));
    },
  },
  {
    name: 'check finds nothing on a host that is in order, and changes nothing',
    run: async ({ network, seen }) => {
      assert.deepEqual(await network.check(), []);
      assert.deepEqual(await seen(), NOTHING);
      await attach(network, first);
      assert.deepEqual(await network.check(), []);
    },
  },
];

const foreign: readonly NetworkCheck[] = [
  {
    name: 'a bridge of somebody else is refused as not_ours by everything and left as it is',
    run: async ({ network, seen, hands }) => {
      await hands.takeBridge();
      const before = await seen();
      assert.equal(await refusal(network, first), 'not_ours');
      assert.ok((await network.check()).some(({ code }) => code === 'not_ours'));
      const done = await network.reconcile(known(first));
      assert.equal('error' in done && done.error.code, 'not_ours');
      await network.detach(first.instance);
      assert.equal((await network.remove())?.code, 'not_ours');
      assert.deepEqual(await seen(), before);
    },
  },
  {
    name: 'a tap of somebody else is refused as not_ours and left as it is',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.takeTap(second.instance);
      const before = await seen();
      assert.equal(await refusal(network, second), 'not_ours');
      await network.detach(second.instance);
      await network.reconcile(known(first));
      assert.deepEqual(await seen(), before);
    },
  },
  {
    name: 'a packet filter of somebody else is refused as not_ours and left as it is',
    run: async ({ network, seen, hands }) => {
      await hands.takeTable();
      assert.equal(await refusal(network, first), 'not_ours');
      assert.ok((await network.check()).some(({ code }) => code === 'not_ours'));
      assert.equal((await network.remove())?.code, 'not_ours');
      const { taps, neighbours } = await seen();
      assert.deepEqual({ taps, neighbours }, { taps: [], neighbours: [] });
    },
  },
  {
    name: 'another daemon takes nothing of this one, neither its guests nor its bridge',
    run: async ({ network, somebodyElse, seen }) => {
      await attach(network, first);
      assert.equal(await refusal(somebodyElse, second), 'not_ours');
      await somebodyElse.reconcile(known());
      await somebodyElse.detach(first.instance);
      assert.equal((await somebodyElse.remove())?.code, 'not_ours');
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
];

/** Every rule of src/actors/contracts/network.ts that can be observed from outside. */
export const networkChecks: readonly NetworkCheck[] = [
  ...attaching,
  ...addressingChecks,
  ...trackingChecks,
  ...leaving,
  ...repairing,
  ...foreign,
];

const CHECK_LIMIT_MS = 60_000;

/** The suite every network passes. `make` gives a fresh world for each check. */
export function networkContract(name: string, make: () => Promise<NetworkWorld>): void {
  contractSuite({ title: `${name} keeps the network contract`, checks: networkChecks, make, limitMs: CHECK_LIMIT_MS });
}
