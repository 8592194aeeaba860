import assert from 'node:assert/strict';
import { freePort } from '../adapters/probes/guest-server.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import type { DoorAndToken } from './daemon-process.ts';
import { getView } from './door.ts';
import type { Keeper } from './keeper.ts';
import type { Driver } from './load-driver.ts';
import type { KillSpot } from './points-run.ts';
import { vmmsOf } from './qemu-world.ts';

/** A real guest that says that it is sick while the daemon dies at every turn of the restart that this asks for. */

/** From the verdict over the host's leave and the end of the sick run to the boot of the next one. */
const RESTARTS: readonly KillSpot[] = [
  { point: 'decided', subject: 'probe.failed' },
  { point: 'appended', subject: 'probe.failed' },
  { point: 'effect_begun', subject: 'vmm.shutdown' },
  { point: 'decided', subject: 'vmm.exited' },
  { point: 'effect_done', subject: 'host.admit' },
  { point: 'effect_begun', subject: 'vmm.boot' },
  { point: 'effect_done', subject: 'vmm.boot' },
];

/** Of a stop that comes while the verdict is being dealt with. */
const STOPS: readonly KillSpot[] = [
  { point: 'appended', subject: 'stop' },
  { point: 'acknowledged', subject: 'stop' },
];

const PORT = 80;
const LIMIT_MS = 60_000;
const END_LIMIT_MS = 30_000;

/** One failed probe is enough. Its port is no other daemon's on this machine. */
export const sickGuest = async () => ({
  network: { enabled: true, ports: [{ host_port: await freePort(), guest_port: PORT }] },
  health_check: {
    type: 'http',
    http: { port: PORT, path: '/health' },
    interval: '2s',
    timeout: '2s',
    start_period: '0s',
    failure_threshold: 1,
  },
});

export interface SickRun {
  readonly keeper: Keeper;
  readonly driver: Driver;
  readonly directory: string;
  readonly id: string;
  readonly notes: string;
}

const viewOf = (door: DoorAndToken, id: string) => getView(door, id).catch(() => null);

async function healthyRun(door: DoorAndToken, id: string): Promise<number> {
  const isHealthy = async (): Promise<boolean> => {
    const view = await viewOf(door, id);
    return view?.phase === 'running' && view.health_status?.status === 'healthy';
  };
  await untilTrue(isHealthy, `${id} is healthy`, LIMIT_MS).catch(async (error) => {
    throw new Error(JSON.stringify(await getView(door, id)), { cause: error });
  });
  return (await getView(door, id)).run;
}

async function makeSick(door: DoorAndToken, id: string): Promise<void> {
  const port = (await getView(door, id)).network?.ports[0]?.host_port;
  await fetch(`http://127.0.0.1:${port}/cgi-bin/sick`);
}

/** Dies there, and the next daemon brings it to its end: one new run, which is healthy, and no other VMM. */
async function dieInRestart({ keeper, directory, id, notes }: SickRun, spot: KillSpot): Promise<void> {
  const where = `${spot.point} ${spot.subject}`;
  const { door } = await keeper.start({ kill: { ...spot, nth: 1 }, hold: null, notes });
  assert.ok(door !== null, `the daemon ended before ${where}`);
  const run = await healthyRun(door, id);
  await makeSick(door, id);
  assert.ok(await keeper.endsWithin(END_LIMIT_MS), `${where} was not reached`);
  const next = await keeper.startReady();
  await untilTrue(async () => (await viewOf(next, id))?.run !== run, `${id} is restarted after ${where}`, LIMIT_MS);
  const now = await healthyRun(next, id);
  assert.equal(
    now,
    run + 1,
    `restarted exactly once after ${where}: ${JSON.stringify((await getView(next, id)).restart)}`,
  );
  assert.equal((await vmmsOf(directory, id)).length, 1, `one VMM after ${where}`);
  await keeper.kill('SIGKILL');
}

/** Stopped while it is sick, by a daemon that dies over it: the next one starts nothing, and leaves nothing alive. */
async function dieInStop({ keeper, driver, directory, id, notes }: SickRun, spot: KillSpot): Promise<void> {
  const where = `${spot.point} ${spot.subject}`;
  const { door } = await keeper.start({ kill: { ...spot, nth: 1 }, hold: null, notes });
  assert.ok(door !== null, `the daemon ended before ${where}`);
  await healthyRun(door, id);
  await makeSick(door, id);
  await untilTrue(async () => (await viewOf(door, id))?.health_status?.status !== 'healthy', `${id} is sick`, LIMIT_MS);
  const { run } = await getView(door, id);
  const stopped = driver.send('stop', id, { method: 'POST', path: `/v1/instances/${id}/stop` });
  stopped.catch(() => {});
  assert.ok(await keeper.endsWithin(END_LIMIT_MS), `${where} was not reached`);
  const next = await keeper.startReady();
  await stopped;
  const isAtRest = async (): Promise<boolean> => /^(stopped|failed)$/.test((await viewOf(next, id))?.phase ?? '');
  await untilTrue(isAtRest, `${id} is stopped after ${where}`, LIMIT_MS);
  assert.deepEqual(await vmmsOf(directory, id), [], `no VMM lives after ${where}`);
  assert.equal((await getView(next, id)).run, run, `nothing was started after ${where}`);
  assert.equal((await getView(next, id)).restart_status?.next_attempt_at, undefined, `nothing will start ${id}`);
  await driver.send('start', id, { method: 'POST', path: `/v1/instances/${id}/start` });
  await healthyRun(next, id);
  await keeper.kill('SIGKILL');
}

export async function killWhileSick(sick: SickRun): Promise<void> {
  for (const spot of RESTARTS) await dieInRestart(sick, spot);
  for (const spot of STOPS) await dieInStop(sick, spot);
}
