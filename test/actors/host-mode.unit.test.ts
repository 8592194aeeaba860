import { describe, expect, test } from 'vitest';
import type { Log } from '../../src/actors/contracts/log.ts';
import { OUTCOME_WAIT_MAX_MS } from '../../src/actors/durable-append.ts';
import { TELL_AGAIN_FIRST_MS, TELLING_WAIT_MAX_MS } from '../../src/actors/host-life.ts';
import { HOST_STREAM } from '../../src/actors/host-stream.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  type SimulatedHost,
  START,
  simulatedHost,
} from './simulated-host.ts';

/** The mode of the host reaches every instance, whatever the log does meanwhile. */

const by = OPERATOR.actor;

/** A log whose heads of some streams cannot be read for a while. */
interface CutOff {
  readonly log: (log: Log) => Log;
  streams: (stream: string) => boolean;
}

function cutOff(): CutOff {
  const cut: CutOff = {
    log: (log) => ({
      ...log,
      head: (stream) => (cut.streams(stream) ? Promise.reject(new Error('cut off')) : log.head(stream)),
    }),
    streams: () => false,
  };
  return cut;
}

async function modeIn(host: SimulatedHost, id: string): Promise<string | undefined> {
  return (await host.records(id)).at(-1)?.state.context.host.mode;
}

describe('an instance that could not be read back when the mode was set', () => {
  async function oneUntold(): Promise<{ host: SimulatedHost; id: string; cut: CutOff }> {
    const cut = cutOff();
    const host = await simulatedHost({ restingMax: 1 }, cut);
    const { id } = await host.supervisor.create(
      definition({ name: 'x', restart_policy: ON_FAILURE }),
      'stopped',
      OPERATOR,
    );
    for (const name of ['y', 'z']) {
      await host.clock.advance(1_000);
      await host.supervisor.create(definition({ name }), 'stopped', OPERATOR);
    }
    await host.clock.advance(1_000);
    cut.streams = (stream) => stream === id;
    expect(await host.supervisor.setMode('maintenance', OPERATOR)).toMatchObject({ mode: 'maintenance', untold: 1 });
    return { host, id, cut };
  }

  test('is counted in the answer, and told as soon as it can be', async () => {
    const { host, id, cut } = await oneUntold();
    cut.streams = () => false;
    await host.clock.advance(TELL_AGAIN_FIRST_MS);
    expect(await modeIn(host, id)).toBe('maintenance');
    expect(await host.supervisor.setMode('maintenance', OPERATOR)).toMatchObject({ untold: 0 });
  });

  test('learns it before anything else that it is told', async () => {
    const { host, id, cut } = await oneUntold();
    cut.streams = () => false;
    await host.supervisor.command(id, { type: 'start', by }, OPERATOR);
    await host.clock.advance(5_000);
    await host.control.guestExit(id, 1);
    await host.clock.advance(20_000);
    const heard = (await host.records(id)).map(({ event }) => event.type);
    expect(heard.indexOf('host.mode_changed')).toBeLessThan(heard.indexOf('start'));
    expect(await bootsOf(host, id)).toBe(1);
  });

  test('is told when the same mode is set once more', async () => {
    const { host, id, cut } = await oneUntold();
    cut.streams = () => false;
    expect(await host.supervisor.setMode('maintenance', OPERATOR)).toMatchObject({ untold: 0 });
    expect(await modeIn(host, id)).toBe('maintenance');
  });
});

describe('a change of mode', () => {
  test('keeps nobody waiting for instances that the log keeps waiting', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    for (const nth of [2, 3, 4]) host.log.fail('hang', nth);
    const setting = host.supervisor.setMode('draining', OPERATOR);
    await host.clock.advance(TELLING_WAIT_MAX_MS);
    expect(await setting).toMatchObject({ untold: 1 });
    host.log.release();
    await host.clock.advance(1_000);
    expect(await modeIn(host, id)).toBe('draining');
  });

  test('reaches a new instance whose creation was answered before its outcome was known', async () => {
    const cut = cutOff();
    const host = await simulatedHost({}, cut);
    await host.supervisor.setMode('maintenance', OPERATOR);
    cut.streams = (stream) => stream !== HOST_STREAM;
    host.log.fail('unknown_written');
    const creating = refusalCode(
      host.supervisor.create(definition({ name: 'x', restart_policy: ON_FAILURE }), 'running', OPERATOR),
    );
    await host.clock.advance(OUTCOME_WAIT_MAX_MS);
    expect(await creating).toBe('log_unavailable');
    cut.streams = () => false;
    await host.clock.advance(10_000);
    const id = host.supervisor.resolve('x');
    expect(await modeIn(host, id)).toBe('maintenance');
    await host.control.guestExit(id, 1);
    await host.clock.advance(20_000);
    expect(await bootsOf(host, id)).toBe(1);
  });

  test('leaves no record of an instance whose creation is refused at the same time', async () => {
    const gate = Promise.withResolvers<void>();
    let refuseNext = true;
    const append =
      (log: Log): Log['append'] =>
      async (stream, ...rest) => {
        if (stream === HOST_STREAM || !refuseNext) return log.append(stream, ...rest);
        refuseNext = false;
        await gate.promise;
        return { kind: 'refused', reason: 'unavailable', message: 'told to refuse' };
      };
    const host = await simulatedHost({}, { log: (log) => ({ ...log, append: append(log) }) });
    const creating = refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR));
    const setting = host.supervisor.setMode('maintenance', OPERATOR);
    await host.clock.settle();
    gate.resolve();
    expect(await creating).toBe('log_unavailable');
    expect(await setting).toMatchObject({ untold: 0 });
    const streams: string[] = [];
    for await (const { stream } of host.log.heads()) streams.push(stream);
    expect(streams).toEqual([HOST_STREAM]);
  });
});

describe('a change of mode whose outcome the log does not tell', () => {
  async function leftOpen(fault: 'unknown_written' | 'unknown_lost'): Promise<{
    host: SimulatedHost;
    id: string;
    cut: CutOff;
  }> {
    const cut = cutOff();
    const host = await simulatedHost({}, cut);
    const id = await runningInstance(host);
    cut.streams = () => true;
    host.log.fail(fault);
    const answer = host.supervisor.setMode('maintenance', OPERATOR).catch((error: unknown) => error);
    await host.clock.advance(OUTCOME_WAIT_MAX_MS);
    expect(await answer).toMatchObject({ code: 'log_unavailable', details: { outcome: 'unknown' } });
    expect(host.supervisor.mode()).toBe('normal');
    return { host, id, cut };
  }

  test('holds for all as soon as it is learnt that it was written', async () => {
    const { host, id, cut } = await leftOpen('unknown_written');
    await host.clock.advance(60_000);
    cut.streams = () => false;
    await host.clock.advance(1_000);
    expect(host.supervisor.mode()).toBe('maintenance');
    expect(await modeIn(host, id)).toBe('maintenance');
  });

  test('leaves everything as it was when it was not written', async () => {
    const { host, id, cut } = await leftOpen('unknown_lost');
    cut.streams = () => false;
    await host.clock.advance(1_000);
    expect([host.supervisor.mode(), await modeIn(host, id)]).toEqual(['normal', 'normal']);
    expect(await host.supervisor.setMode('draining', OPERATOR)).toMatchObject({ mode: 'draining', untold: 0 });
  });

  test('keeps no later change waiting: that one is refused', async () => {
    const { host, cut } = await leftOpen('unknown_written');
    const later = refusalCode(host.supervisor.setMode('draining', OPERATOR));
    await host.clock.advance(1_000);
    expect(await later).toBe('log_unavailable');
    cut.streams = () => false;
    await host.clock.advance(1_000);
    expect(host.supervisor.mode()).toBe('maintenance');
  });

  test('is looked for no longer once the daemon ends', async () => {
    const { host } = await leftOpen('unknown_written');
    await host.supervisor.close();
    await host.clock.advance(1_000);
    expect(host.clock.nextTimerInMs()).toBeNull();
  });
});

test('a mode that the log turns out to hold is told to all', async () => {
  const host = await simulatedHost({ clockLookMs: 1_000 });
  const id = await runningInstance(host, { expiry: { expires_at: START + 86_400_000, then: 'stop' } });
  // Somebody else's record: this daemon learns of it only by reading the stream again.
  const text = { id: 'x', stream: HOST_STREAM, version: 1, at: START, state: { mode: 'maintenance' } };
  await host.log.append(HOST_STREAM, null, JSON.stringify(text));
  expect(await refusalCode(host.supervisor.setMode('draining', OPERATOR))).toBe('not_owner');
  expect(await modeIn(host, id)).toBe('normal');
  host.clock.step(3_600_000);
  await host.clock.advance(2_000);
  expect([host.supervisor.mode(), await modeIn(host, id)]).toEqual(['maintenance', 'maintenance']);
});
