import assert from 'node:assert/strict';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { type Ran, until } from '../cli/daemon-process.ts';
import { loadTold } from '../told-records.ts';
import { type BridgedHost, bridgedHost, untilReachable } from './bridged-host.ts';

/**
 * A long check: eight bridged VMs through the death of the daemon and then through a reboot of the host, which ends every
 * process and takes bridge, taps and filter with it. What should run comes back at its address, and only that.
 */

const RUNNING: Readonly<Record<string, readonly string[]>> = {
  'always-1': ['--restart', 'always'],
  'always-2': ['--restart', 'always'],
  'always-3': ['--restart', 'always'],
  'on-failure-1': ['--restart', 'on_failure'],
  'on-failure-2': ['--restart', 'on_failure'],
  'on-failure-3': ['--restart', 'on_failure'],
  // Failed once before the reboot: whatever it was charged for that, it is not charged for the reboot.
  burdened: ['--restart', 'on_failure', '--backoff', '1s', '--max-attempts', '2'],
  never: ['--restart', 'never'],
};
const ALL_LIMIT_MS = 150_000;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const stateOf = ({ name, run, pid, network, restart_status }: InstanceView): unknown => ({
  name,
  run,
  pid,
  address: network.address,
  attempts: restart_status?.attempts ?? 0,
});

async function start(host: BridgedHost): Promise<InstanceView[]> {
  for (const [name, flags] of Object.entries(RUNNING)) done(await host.create(name, ...flags));
  done(await host.create('stopped', '--restart', 'always'));
  done(await host.place.cli('stop', 'stopped', '--force'));
  const [burdened] = await untilReachable(host, ['burdened'], ALL_LIMIT_MS);
  assert.ok(burdened?.pid, 'the guest that is to be killed has a process');
  process.kill(burdened.pid, 'SIGKILL');
  await until(
    () => host.place.get('burdened'),
    ({ run, state }) => run === 2 && state === 'Running',
    ALL_LIMIT_MS,
  );
  return untilReachable(host, Object.keys(RUNNING), ALL_LIMIT_MS);
}

async function check(host: BridgedHost): Promise<void> {
  await host.serve();
  const before = await start(host);
  say(`${before.length} guests answer at their addresses.`);

  await host.daemon().end('SIGKILL');
  await host.serve();
  const adopted = await untilReachable(host, Object.keys(RUNNING), ALL_LIMIT_MS);
  assert.deepEqual(adopted.map(stateOf), before.map(stateOf));
  say('The daemon was killed and started again: the same processes, all reachable.');

  await host.reboot();
  await host.serve();
  const names = Object.keys(RUNNING).filter((name) => name !== 'never');
  const back = await untilReachable(host, names, ALL_LIMIT_MS);
  for (const view of back) {
    const former = before.find(({ id }) => id === view.id);
    assert.equal(view.network.address, former?.network.address, `${view.name} has another address`);
    assert.equal(view.run, (former?.run ?? 0) + 1, `${view.name} was not started once`);
    assert.equal(view.restart_status?.attempts ?? 0, former?.restart_status?.attempts ?? 0, `${view.name} was charged`);
  }
  assert.equal(back.find(({ name }) => name === 'burdened')?.restart_status?.attempts, 1);
  say(
    `The host was rebooted: ${back.length} guests are back at their addresses, none of them charged with an attempt.`,
  );

  const down = (await host.list()).filter(({ name }) => !names.includes(name));
  assert.deepEqual(
    down.map(({ name, state, pid }) => ({ name, state, pid })),
    ['never', 'stopped'].map((name) => ({ name, state: 'Stopped', pid: null })),
  );
  assert.equal(down[0]?.exit_reason, 'host_reboot');
  say('The one with policy never and the one that was stopped stay down.');
}

/** For whoever has to find out why it failed; a daemon that is down tells nothing but what it printed. */
async function tellWhatWas({ place, daemon, list }: BridgedHost): Promise<void> {
  say(loadTold());
  say(daemon().printed());
  for (const { name } of await list()) say((await place.cli('history', name)).stdout);
}

/** What a command line was asked for, it did. */
function done({ status, stdout, stderr }: Ran): void {
  assert.equal(status, 0, `${stdout}${stderr}`);
}

const host = await bridgedHost();
try {
  await check(host);
} catch (error) {
  await tellWhatWas(host).catch((untold: unknown) => say(`The daemon does not tell the histories: ${untold}`));
  throw error;
} finally {
  await host.destroy();
}
