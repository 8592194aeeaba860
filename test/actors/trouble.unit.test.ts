import { describe, expect, test } from 'vitest';
import type { Definition } from '../../machines/definition.ts';
import type { Hypervisor } from '../../src/actors/contracts/hypervisor.ts';
import type { Log } from '../../src/actors/contracts/log.ts';
import { LogUnavailableError } from '../../src/actors/contracts/log-error.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  simulatedHost,
} from './simulated-host.ts';

/** The runtime goes on when the log, the hypervisor or a reader of its records does not keep its promises. */

const start = { type: 'start', by: 'operator' } as const;
const stop = { type: 'stop', by: 'operator' } as const;
const NEVER: Promise<never> = new Promise(() => {});

/** A log whose heads cannot be read while `broken()`. */
const blindHeads =
  (broken: () => boolean) =>
  (log: Log): Log => ({
    ...log,
    head: (stream) => (broken() ? Promise.reject(new LogUnavailableError('told to be blind')) : log.head(stream)),
  });

describe('a log that cannot even say what became of an append', () => {
  test('the owner does not step down over its own record', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: blindHeads(() => broken) });
    const id = await runningInstance(host);
    broken = true;
    host.log.fail('unknown_written');
    const stopping = host.supervisor.command(id, stop, OPERATOR);
    stopping.catch(() => {});
    await host.clock.advance(1_000);
    broken = false;
    await host.clock.advance(10_000);
    await stopping;
    await host.supervisor.command(id, start, OPERATOR);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  test('an end is not forgotten', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: blindHeads(() => broken) });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    broken = true;
    host.log.fail('unknown_lost');
    await host.control.guestExit(id, 1);
    await host.clock.advance(1_000);
    broken = false;
    await host.clock.advance(10_000);
    expect([host.instances.get(id)?.run, await bootsOf(host, id)]).toEqual([2, 2]);
  });

  test('a create that was written keeps its name, and the next daemon starts', async () => {
    let broken = false;
    const host = await simulatedHost({}, { log: blindHeads(() => broken) });
    broken = true;
    host.log.fail('unknown_written');
    const first = host.supervisor.create(definition(), 'stopped', OPERATOR).then(
      () => 'made',
      () => 'refused',
    );
    await host.clock.advance(1_000);
    broken = false;
    await host.clock.advance(1_000);
    const second = await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR));
    expect([await first, second]).toEqual(['made', 'name_conflict']);
    await host.restart();
    expect(host.supervisor.status().instances).toBe(1);
  });

  test('a timer of an instance that is not in memory is offered again', async () => {
    let broken = false;
    const host = await simulatedHost({ restingMax: 0 }, { log: blindHeads(() => broken) });
    const expires_at = host.clock.now() + 60_000;
    const { id } = await host.supervisor.create(
      definition({ expiry: { expires_at, then: 'delete' } }),
      'stopped',
      OPERATOR,
    );
    await host.clock.advance(1_000);
    expect(host.supervisor.status().resident).toBe(0);
    broken = true;
    await host.clock.advance(60_000);
    broken = false;
    await host.clock.advance(10_000);
    expect(host.supervisor.has(id)).toBe(false);
  });
});

describe('a log whose command ids cannot be read back at the start', () => {
  test('refuses commands with an id, and takes them once it can be read', async () => {
    let broken = true;
    const log = (inner: Log): Log => ({
      ...inner,
      readBackwards: async function* () {
        if (broken) throw new LogUnavailableError('told to be blind');
        yield* inner.readBackwards();
      },
    });
    const host = await simulatedHost({}, { log });
    const meta = { ...OPERATOR, commandId: 'abc', digest: 'd1' };
    await expect(host.supervisor.create(definition(), 'stopped', meta)).rejects.toThrow(LogUnavailableError);
    broken = false;
    const first = await host.supervisor.create(definition(), 'stopped', meta);
    const second = await host.supervisor.create(definition(), 'stopped', meta);
    expect([second.id, second.repeated]).toEqual([first.id, true]);
  });
});

describe('a log that takes nothing', () => {
  test('commands behind an end that waits for the log are refused, not kept waiting', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    host.log.failAll('refused_unavailable');
    await host.control.guestExit(id, 1);
    await host.clock.settle();
    const refused = refusalCode(host.supervisor.command(id, stop, OPERATOR));
    await host.clock.advance(1_000);
    expect(await Promise.race([refused, Promise.resolve('no answer')])).toBe('log_unavailable');
  });

  test('a stop on a full disk ends with the kill of a guest that does not hear it', async () => {
    let full = false;
    const log = (inner: Log): Log => ({
      ...inner,
      append: async (stream, prev, bytes, room = 'ordinary') =>
        full && room === 'ordinary'
          ? { kind: 'refused', reason: 'full', message: 'told to be full' }
          : inner.append(stream, prev, bytes, room),
    });
    const host = await simulatedHost({}, { log });
    const id = await runningInstance(host);
    await host.control.setShutdown(id, { ignored: true });
    full = true;
    await host.supervisor.command(id, stop, OPERATOR);
    await host.clock.advance(60_000);
    expect([host.instances.get(id)?.state, await host.control.countVmms(id)]).toEqual(['Stopped', 0]);
  });
});

describe('an adapter that breaks its promises', () => {
  test('an image that cannot be asked about fails the instance once, and is not asked about for ever', async () => {
    const hypervisor = (inner: Hypervisor): Hypervisor => ({
      ...inner,
      checkImage: () => Promise.reject(new Error('EACCES')),
    });
    const host = await simulatedHost({}, { hypervisor });
    const { id } = await host.supervisor.create(definition(), 'running', OPERATOR);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)?.phase).toBe('failed');
    expect((await host.records(id)).length).toBe(2);
  });

  test('one instance whose VMM cannot be asked about does not keep the others from being watched', async () => {
    let hanging = '';
    const hypervisor = (inner: Hypervisor): Hypervisor => ({
      ...inner,
      adopt: (ref) => (ref.instance === hanging ? NEVER : inner.adopt(ref)),
    });
    let probes = 0;
    const prober = {
      probe: async () => {
        probes += 1;
        return { result: 'passed' } as const;
      },
    };
    const host = await simulatedHost({ prober }, { hypervisor });
    const health_check: Definition['health_check'] = {
      target: { type: 'tcp', port: 80 },
      interval_ms: 1_000,
      timeout_ms: 500,
      start_period_ms: 0,
      failure_threshold: 2,
      success_threshold: 1,
    };
    await runningInstance(host, { health_check });
    hanging = await runningInstance(host, { name: 'other' });
    await host.restart();
    probes = 0;
    await host.clock.advance(5_000);
    expect(probes).toBeGreaterThan(2);
    await host.clock.advance(60_000);
    expect(host.instances.get(hanging)?.phase).toBe('lost');
    const id = hanging;
    hanging = '';
    await host.clock.advance(600_000);
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  test('a removal that never answers is tried again', async () => {
    let hangs = true;
    const hypervisor = (inner: Hypervisor): Hypervisor => ({
      ...inner,
      remove: (instance) => (hangs ? NEVER : inner.remove(instance)),
    });
    const host = await simulatedHost({}, { hypervisor });
    const { id } = await host.supervisor.create(definition(), 'stopped', OPERATOR);
    await host.clock.settle();
    await host.supervisor.command(id, { type: 'delete', by: 'operator' }, OPERATOR);
    await host.clock.advance(10_000);
    hangs = false;
    await host.clock.advance(120_000);
    expect(host.supervisor.has(id)).toBe(false);
  });
});

describe('a reader of records that throws', () => {
  test('what is durable is answered and acted on all the same', async () => {
    const host = await simulatedHost({
      onRecord: () => {
        throw new Error('a projection is broken');
      },
    });
    const { id } = await host.supervisor.create(definition(), 'running', OPERATOR);
    await host.clock.advance(5_000);
    expect(await bootsOf(host, id)).toBe(1);
    expect(host.problems.join()).toContain('a projection is broken');
  });
});
