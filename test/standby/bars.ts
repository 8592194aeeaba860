import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { openSleeper, type Sleeper } from './sleeper.ts';

/**
 * A long check: a real client connects to a real guest at each bar of the way into standby, at which the daemon is held
 * until the kernel knows of it. Before the end of the VMM is asked for the client is served, and nobody does anything for
 * it. After that the guest sleeps, a hold is refused, and the client is served once somebody has woken the guest.
 */

interface Bar {
  readonly point: 'effect_begun' | 'effect_done';
  readonly subject: string;
  readonly nth: number;
  readonly isServed: boolean;
}

const BARS: readonly Bar[] = [
  { point: 'effect_begun', subject: 'traffic.confirm', nth: 1, isServed: true },
  { point: 'effect_begun', subject: 'vmm.pause', nth: 1, isServed: true },
  { point: 'effect_done', subject: 'vmm.pause', nth: 1, isServed: true },
  { point: 'effect_begun', subject: 'traffic.confirm', nth: 2, isServed: true },
  { point: 'effect_begun', subject: 'vmm.snapshot', nth: 1, isServed: true },
  { point: 'effect_done', subject: 'vmm.snapshot', nth: 1, isServed: true },
  { point: 'effect_begun', subject: 'traffic.confirm', nth: 3, isServed: true },
  { point: 'effect_begun', subject: 'vmm.kill', nth: 1, isServed: false },
  { point: 'effect_done', subject: 'vmm.kill', nth: 1, isServed: false },
];

const KNOWN_LIMIT_MS = 10_000;

/** The ports that clients called from, one of each entry. */
const portsIn = (entries: string): string[] =>
  entries.split('\n').flatMap((entry) => entry.match(/ sport=(\d+)/)?.[1] ?? []);

async function pass(sleeper: Sleeper, { point, subject, nth, isServed }: Bar, release: string): Promise<string> {
  const { address, keeper, run } = sleeper;
  const door = await sleeper.serve({ kill: null, hold: { point, subject, nth, release } });
  assert.ok(door !== null, 'the daemon ended');
  await sleeper.noted('hold');
  const clientPorts = async (): Promise<string[]> => portsIn(await run('conntrack', '-L', '-d', address));
  // Clients of earlier bars stay in the table for minutes: it is this one that has to be known.
  const before = new Set(await clientPorts());
  const served = sleeper.connect(!isServed);
  served.catch(() => {});
  const isKnown = async (): Promise<boolean> => (await clientPorts()).some((port) => !before.has(port));
  await untilTrue(isKnown, 'the kernel has an entry of the client', KNOWN_LIMIT_MS);
  writeFileSync(release, '');
  if (!isServed) {
    await sleeper.becomes(door, 'Standby');
    const held = await sleeper.command(door, 'hold', { for: '1m' });
    assert.deepEqual([held.status, (JSON.parse(held.text) as { code: string }).code], [409, 'instance_in_standby']);
    assert.equal((await sleeper.command(door, 'restore')).status, 202);
  }
  assert.equal((await served).status, 200);
  await keeper.kill('SIGKILL');
  return `${point} ${subject} ${nth}: served${isServed ? '' : ' after it was woken'}`;
}

const sleeper = await openSleeper();
try {
  for (const [index, bar] of BARS.entries()) {
    console.log(await pass(sleeper, bar, `${sleeper.directory}.release-${index}`));
  }
} catch (error) {
  console.error(await sleeper.history());
  throw error;
} finally {
  await sleeper.close();
}
