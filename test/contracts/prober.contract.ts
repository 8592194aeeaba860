import assert from 'node:assert/strict';
import { PROBE_TIME_UP, type ProbeResult } from '../../src/actors/contracts/probe.ts';
import { PROBE_ERROR_MAX_BYTES } from '../../src/actors/contracts/probe-readings.ts';
import { type ContractCheck, contractSuite } from './contract-suite.ts';
import { within } from './log-check.ts';
import { answerOf, askNow, type ProberWorld, TIMEOUT_MS, until, type Workload, wanted } from './prober.world.ts';

export type { ProberWorld } from './prober.world.ts';

export type ProberCheck = ContractCheck<ProberWorld>;

const TRAVEL_MS = 100;
const NOT_SHOWN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

function errorOf(result: ProbeResult): string {
  return result.result === 'passed' ? '' : result.error;
}

async function resultFor(world: ProberWorld, workload: Workload): Promise<ProbeResult> {
  await world.become(workload);
  return answerOf(world, askNow(world));
}

/** Until a guest has noticed that it is asked, or has had the time for it: one that hangs does not even notice. */
async function untilNoticed(world: ProberWorld, before: number): Promise<void> {
  await until(() => world.asked() > before, TRAVEL_MS);
  await world.clock.settle();
}

/** Asks a workload that does not answer, until the time for it is up. */
async function askInVain(world: ProberWorld): Promise<ProbeResult> {
  await world.become('silent');
  const asked = world.asked();
  const answer = askNow(world);
  await untilNoticed(world, asked);
  await world.clock.advance(TIMEOUT_MS);
  return within('an answer when the time was up', answer, world.patienceMs);
}

async function assertNothingOpen(world: ProberWorld, after: string): Promise<void> {
  const closed = await until(() => world.open() === 0, world.patienceMs);
  assert.ok(closed, `${world.open()} questions are still open after ${after}`);
}

const answering: readonly ProberCheck[] = [
  {
    name: 'a workload that is well passes',
    run: async (world) => assert.deepEqual(await resultFor(world, 'well'), { result: 'passed' }),
  },
  {
    name: 'a workload that is not well fails, and it is said why',
    run: async (world) => {
      const answer = await resultFor(world, 'sick');
      assert.equal(answer.result, 'failed');
      assert.match(errorOf(answer), /\w{3}/);
    },
  },
  {
    name: 'a guest that cannot be asked is unavailable, which is neither passed nor failed, and it is said why',
    run: async (world) => {
      const answer = await answerOf(world, askNow(world, world.unaskable));
      assert.equal(answer.result, 'unavailable');
      assert.match(errorOf(answer), /\w{3}/);
    },
  },
  {
    name: 'the workload is asked anew each time',
    run: async (world) => {
      const seen: string[] = [];
      for (const workload of ['well', 'sick', 'well'] as const) seen.push((await resultFor(world, workload)).result);
      assert.deepEqual(seen, ['passed', 'failed', 'passed']);
    },
  },
  {
    name: 'one call asks once, whatever comes of it',
    run: async (world) => {
      await resultFor(world, 'well');
      assert.equal(world.asked(), 1);
      await resultFor(world, 'sick');
      assert.ok(world.asked() <= 2, `a workload that is not well was asked ${world.asked() - 1} times`);
    },
  },
  {
    name: 'an error is one line that is safe to show, of at most 512 bytes, whatever the guest says',
    run: async (world) => {
      const error = errorOf(await resultFor(world, 'foul'));
      assert.notEqual(error, '');
      assert.doesNotMatch(error, NOT_SHOWN);
      assert.ok(Buffer.byteLength(error) <= PROBE_ERROR_MAX_BYTES, `${Buffer.byteLength(error)} bytes`);
    },
  },
];

const ending: readonly ProberCheck[] = [
  {
    name: 'a workload that does not answer has failed when the time is up',
    run: async (world) => assert.equal((await askInVain(world)).result, 'failed'),
  },
  {
    name: 'a workload that has not answered has failed when the prober is told that the time is up',
    run: async (world) => {
      await world.become('silent');
      const time = new AbortController();
      const asked = world.asked();
      const answer = world.prober.probe(world.guest, world.check, time.signal);
      await untilNoticed(world, asked);
      time.abort(PROBE_TIME_UP);
      assert.equal((await within('an answer when the time was up', answer, world.patienceMs)).result, 'failed');
    },
  },
  {
    name: 'a probe that is withdrawn settles soon, and nothing of it passes',
    run: async (world) => {
      await world.become('silent');
      const withdrawn = new AbortController();
      const asked = world.prober.probe(world.guest, world.check, withdrawn.signal);
      await world.clock.settle();
      withdrawn.abort();
      const answer = await within('the end of a withdrawn probe', asked, world.patienceMs);
      assert.notEqual(answer.result, 'passed');
    },
  },
  {
    name: 'a probe that was withdrawn before it began asks nobody',
    run: async (world) => {
      const answer = await answerOf(world, world.prober.probe(world.guest, world.check, AbortSignal.abort()));
      assert.notEqual(answer.result, 'passed');
      await answerOf(world, askNow(world));
      assert.equal(world.asked(), 1);
    },
  },
  {
    name: 'no question stays open, neither after an answer nor after the time nor after a withdrawal',
    run: async (world) => {
      await resultFor(world, 'well');
      await assertNothingOpen(world, 'an answer');
      await askInVain(world);
      await assertNothingOpen(world, 'the time was up');
      const withdrawn = new AbortController();
      const asked = world.prober.probe(world.guest, world.check, withdrawn.signal);
      await world.clock.settle();
      withdrawn.abort();
      await within('the end of a withdrawn probe', asked, world.patienceMs);
      await assertNothingOpen(world, 'a withdrawal');
    },
  },
  {
    name: 'the silence of one guest delays the answer of no other',
    run: async (world) => {
      await world.become('silent');
      const withdrawn = new AbortController();
      const inVain = world.prober.probe(world.guest, world.check, withdrawn.signal);
      const answer = await answerOf(world, world.prober.probe(world.neighbour, world.check, wanted()));
      assert.deepEqual(answer, { result: 'passed' });
      withdrawn.abort();
      await within('the end of a withdrawn probe', inVain, world.patienceMs);
    },
  },
];

/** Every rule of src/actors/contracts/probe.ts that can be observed from outside. */
export const proberChecks: readonly ProberCheck[] = [...answering, ...ending];

const CHECK_LIMIT_MS = 60_000;

/** The suite every prober passes. `make` gives a fresh world for each check. */
export function proberContract(name: string, make: () => Promise<ProberWorld>): void {
  contractSuite({ title: `${name} keeps the prober contract`, checks: proberChecks, make, limitMs: CHECK_LIMIT_MS });
}
