import assert from 'node:assert/strict';
import { address6, attach, attachedTo, known, lease, type NetworkCheck, RANGE } from './network.world.ts';

const [first, second] = [lease(1), lease(2)];

/** What guests are called, and whom the daemon's own probes come from. */
export const addressingChecks: readonly NetworkCheck[] = [
  {
    name: 'a guest speaks under its own address and the IPv6 one that follows from it',
    run: async ({ network, withoutIpv6 }) => {
      assert.deepEqual(network.addressesOf(first.address), [first.address, address6(1)]);
      assert.deepEqual(withoutIpv6().addressesOf(first.address), [first.address]);
    },
  },
  {
    name: 'where guests have no IPv6, nothing of it is told or made',
    run: async ({ withoutIpv6, seen }) => {
      const network = withoutIpv6();
      const { address6: own, prefix6, gateway6 } = await attach(network, first);
      assert.deepEqual({ own, prefix6, gateway6 }, { own: null, prefix6: null, gateway6: null });
      assert.deepEqual((await seen()).neighbours, [first.address]);
      assert.equal(network.status().range6, null);
    },
  },
  {
    name: 'the address for probes is told once it is there, and never while an instance holds it',
    run: async ({ network, reopen }) => {
      assert.equal(network.probeAddress(), null);
      await network.reconcile(known());
      assert.equal(network.probeAddress(), RANGE.probe);
      assert.equal(network.status().probe_address, RANGE.probe);
      const later = reopen();
      await later.reconcile(known({ ...first, address: RANGE.probe }));
      assert.equal(later.probeAddress(), null);
      assert.equal(later.status().probe_address, null);
    },
  },
];

/** That the kernel knows who talks to guests. */
export const trackingChecks: readonly NetworkCheck[] = [
  {
    name: 'tracking that was stopped is begun again by keepTracking, which tells so once',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      assert.deepEqual(await network.keepTracking(), { tracking: 'kept' });
      await hands.stopTracking();
      assert.equal((await seen()).tracked, false);
      assert.deepEqual(await network.keepTracking(), { tracking: 'repaired' });
      assert.deepEqual(await network.keepTracking(), { tracking: 'kept' });
      assert.deepEqual(await seen(), attachedTo(first));
    },
  },
  {
    name: 'tracking that was stopped is begun again by the next attach, and found by check before',
    run: async ({ network, seen, hands }) => {
      await attach(network, first);
      await hands.stopTracking();
      assert.ok((await network.check()).some(({ code }) => code === 'not_tracked'));
      await attach(network, second);
      assert.deepEqual(await network.check(), []);
      assert.deepEqual(await seen(), attachedTo(first, second));
    },
  },
];
