import { describe, expect, it } from 'vitest';
import type { HookCall, Hooks } from '../../src/actors/contracts/hooks.ts';
import { OPERATOR, runningInstance, simulatedHost } from './simulated-host.ts';

/** The whole runtime with programs of the host before a stop and before standby. */

const by = OPERATOR.actor;

describe('programs of the host', () => {
  it('without an operator are unknown: a stop goes on, a standby does not', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { hooks: { before_stop: 'leave', before_standby: 'quiesce' } });
    await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
    await host.clock.advance(1_000);
    expect(host.instances.get(id)?.state).toBe('Running');
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(1_000);
    expect(host.instances.get(id)?.state).toBe('Stopped');
    const endings = (await host.records(id)).flatMap(({ event }) =>
      event.type === 'effect.failed' ? [event.error] : [],
    );
    expect(endings.map(({ code }) => code)).toEqual(['hook_unknown', 'hook_unknown']);
  });

  it('do not answer for each other: a stop waits for its own program, not for the one it cut short', async () => {
    const log: string[] = [];
    const host = await simulatedHost({
      hooks: {
        run: ({ moment }, { signal }) =>
          new Promise((resolve) => {
            log.push(`${moment} begun`);
            const cancel = host.clock.after(8_000, () => {
              log.push(`${moment} done`);
              resolve({ outcome: 'done', result: null });
            });
            signal.addEventListener('abort', () => {
              cancel();
              resolve({ outcome: 'unknown', error: { code: 'hook_failed', message: 'cut short' } });
            });
          }),
      },
    });
    const id = await runningInstance(host, { hooks: { before_stop: 'leave', before_standby: 'quiesce' } });
    await host.supervisor.command(id, { type: 'standby', by }, OPERATOR);
    await host.clock.advance(1_000);
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(7_000);
    expect([log, host.instances.get(id)?.phase]).toEqual([['before_standby begun', 'before_stop begun'], 'stopping']);
    await host.clock.advance(10_000);
    expect([log.at(-1), host.instances.get(id)?.state]).toEqual(['before_stop done', 'Stopped']);
  });

  it('are told which instance, run and moment they are for', async () => {
    const calls: HookCall[] = [];
    const hooks: Hooks = {
      run: async (call) => {
        calls.push(call);
        return { outcome: 'done', result: null };
      },
    };
    const host = await simulatedHost({ hooks });
    const id = await runningInstance(host, { hooks: { before_stop: 'leave' } });
    await host.supervisor.command(id, { type: 'stop', by }, OPERATOR);
    await host.clock.advance(1_000);
    expect(calls).toEqual([{ instance: id, name: 'web', run: 1, hook: 'leave', moment: 'before_stop' }]);
  });
});
