import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { InstanceRecord } from '../../machines/record.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import { freePort } from '../adapters/probes/guest-server.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import type { DoorAndToken } from './daemon-process.ts';
import { getView, must } from './door.ts';
import { parseNotes } from './fault-plan.ts';
import type { Keeper } from './keeper.ts';
import type { Driver } from './load-driver.ts';
import { type KillSpot, spotName } from './points-run.ts';
import { vmmsOf } from './qemu-world.ts';
import { tellingHistory } from './told-history.ts';
import { entriesOf } from './verdict.ts';

/**
 * A real guest that says that it is sick while the daemon dies at every turn of the restart that this asks for. On a busy
 * machine a probe of a guest that is well may be late, and one is enough: such a verdict is as good as another, and its
 * restart too. So nothing here goes by the number of runs, but by what was said of each run.
 */

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
/** A guest boots in it, perhaps twice, on a busy machine. */
const LIMIT_MS = 120_000;
const ANSWER_LIMIT_MS = 5_000;
const HISTORY_PAGE = 200;

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

async function isHealthy(door: DoorAndToken, id: string): Promise<boolean> {
  const view = await viewOf(door, id);
  return view?.phase === 'running' && view.health_status?.status === 'healthy';
}

/** Makes it sick if it is well. The run that certainly heard of it, or null. */
async function makeSick(door: DoorAndToken, id: string): Promise<number | null> {
  if (!(await isHealthy(door, id))) return null;
  const view = await viewOf(door, id);
  const url = `http://127.0.0.1:${view?.network?.ports[0]?.host_port}/cgi-bin/sick`;
  const answered = await fetch(url, { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) })
    .then(async (answer) => (await answer.text()) !== '' && answer.ok)
    .catch(() => false);
  if (view === null || !answered) return null;
  // What was asked of a run may have come to the next one.
  return (await viewOf(door, id))?.run === view.run ? view.run : null;
}

/** The daemon under test dies at its spot, and the guest is made sick for that; the run that was, if that is certain. */
async function upsetUntilEnd({ keeper, id, notes }: SickRun, spot: KillSpot): Promise<number | null> {
  const where = spotName(spot);
  const from = killsAt(notes, spot);
  const { daemon, door } = await keeper.start({ kill: { ...spot, nth: 1 }, hold: null, notes });
  let sick: number | null = null;
  const isReached = async (): Promise<boolean> => {
    if (door !== null && sick === null && !daemon.gone()) sick = await makeSick(door, id);
    return door === null || daemon.gone();
  };
  await untilTrue(isReached, `${where} is reached`, LIMIT_MS);
  await daemon.ended;
  assert.equal(killsAt(notes, spot), from + 1, `the daemon ended by itself before ${where}`);
  return sick;
}

function killsAt(notes: string, { point, subject }: KillSpot): number {
  return parseNotes(readFileSync(notes, 'utf8')).filter(
    (note) => note.what === 'kill' && note.point === point && note.subject === subject,
  ).length;
}

/** Dies there, and the next daemon brings it to its end: a new run, which is healthy, and no other VMM. */
async function dieInRestart(run: SickRun, spot: KillSpot): Promise<void> {
  const { keeper, directory, id } = run;
  const where = spotName(spot);
  let sick = await upsetUntilEnd(run, spot);
  const next = await keeper.startReady();
  const isRestarted = async (): Promise<boolean> => {
    sick ??= await makeSick(next, id);
    return sick !== null && (await isHealthy(next, id)) && (await getView(next, id)).run > sick;
  };
  await untilTrue(isRestarted, `${id} is restarted after ${where}`, LIMIT_MS);
  await keeper.kill('SIGKILL');
  assert.equal((await vmmsOf(directory, id)).length, 1, `one VMM after ${where}`);
  const records = (await entriesOf(directory))
    .filter(({ stream }) => stream === id)
    .map(({ bytes }) => parseRecord(bytes));
  assert.deepEqual(restartsWithoutVerdict(records), [], `restarted once for each verdict, after ${where}`);
}

/** Runs that were begun by policy although the run before was not called sick, or more than once. */
export function restartsWithoutVerdict(records: readonly InstanceRecord[]): number[] {
  const called = new Set<number>();
  let asked = 0;
  return records.flatMap(({ event, facts, state }) => {
    const isSick = facts.some((fact) => fact.type === 'health.changed' && fact.to === 'unhealthy');
    if (isSick) called.add(state.context.run.number);
    return facts.flatMap((fact) => {
      if (fact.type !== 'instance.boot_requested') return [];
      // What never began, by the look at the world after a crash, is asked for again.
      const isAgain = fact.run === asked && event.type === 'vmm.found' && event.found.reality === 'none';
      asked = fact.run;
      if (fact.cause !== 'restart_policy' || isAgain) return [];
      return called.delete(fact.run - 1) ? [] : [fact.run];
    });
  });
}

/** Stopped while it is sick, by a daemon that dies over it: the next one starts nothing, and leaves nothing alive. */
async function dieInStop(run: SickRun, spot: KillSpot): Promise<void> {
  const { keeper, driver, directory, id, notes } = run;
  const where = spotName(spot);
  const { door } = await keeper.start({ kill: { ...spot, nth: 1 }, hold: null, notes });
  assert.ok(door !== null, `the daemon ended before ${where}`);
  let sick: number | null = null;
  const isSick = async (): Promise<boolean> => {
    sick ??= await makeSick(door, id);
    return sick !== null && !(await isHealthy(door, id));
  };
  await untilTrue(isSick, `${id} is sick`, LIMIT_MS);
  const stopped = driver.send('stop', id, { method: 'POST', path: `/v1/instances/${id}/stop` });
  stopped.catch(() => {});
  assert.ok(await keeper.endsWithin(LIMIT_MS), `${where} was not reached`);
  const next = await keeper.startReady();
  await stopped;
  const isAtRest = async (): Promise<boolean> => /^(stopped|failed)$/.test((await viewOf(next, id))?.phase ?? '');
  await untilTrue(isAtRest, `${id} is stopped after ${where}`, LIMIT_MS);
  assert.deepEqual(await vmmsOf(directory, id), [], `no VMM lives after ${where}`);
  assert.deepEqual(await bootsSinceStop(next, id), [], `nothing was started after ${where}`);
  assert.equal((await getView(next, id)).restart_status?.next_attempt_at, undefined, `nothing will start ${id}`);
  await driver.send('start', id, { method: 'POST', path: `/v1/instances/${id}/start` });
  await untilTrue(() => isHealthy(next, id), `${id} is healthy`, LIMIT_MS);
  await keeper.kill('SIGKILL');
}

/** Versions that ask for a run although the stop before them was accepted. The next run may have been asked for before it. */
async function bootsSinceStop(door: DoorAndToken, id: string): Promise<number[]> {
  const path = `/v1/instances/${id}/history?order=newest&limit=${HISTORY_PAGE}`;
  const { records } = (await must(door, 'GET', path)).body as { readonly records: readonly InstanceRecord[] };
  const stop = records.find(({ event }) => event.type === 'stop');
  assert.ok(stop !== undefined, 'the stop is on record');
  const asks = ({ effects }: InstanceRecord): boolean => effects.some(({ kind }) => kind === 'vmm.boot');
  return records.filter((record) => record.version >= stop.version && asks(record)).map(({ version }) => version);
}

export async function killWhileSick(sick: SickRun): Promise<void> {
  const { directory, keeper } = sick;
  for (const spot of RESTARTS) await tellingHistory(directory, keeper, () => dieInRestart(sick, spot));
  for (const spot of STOPS) await tellingHistory(directory, keeper, () => dieInStop(sick, spot));
}
