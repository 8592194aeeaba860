import { describe, expect, test } from 'vitest';
import { SYSTEM_CAUSE } from '../../machines/record.ts';
import { fromStateData, step } from '../../machines/step.ts';
import { parseRecord } from '../../src/actors/contracts/instance-entry.ts';
import type { StatevisorError } from '../../src/actors/errors.ts';
import type { FaultPoint } from '../../src/actors/fault-points.ts';
import { MAILBOX_COMMANDS_MAX } from '../../src/actors/mailbox.ts';
import { headAfter, nextRecord } from '../../src/actors/records.ts';
import {
  bootsOf,
  definition,
  ON_FAILURE,
  OPERATOR,
  refusalCode,
  runningInstance,
  simulatedHost,
} from './simulated-host.ts';

const start = { type: 'start', by: 'operator' } as const;
const stop = { type: 'stop', by: 'operator' } as const;

describe('append, then act', () => {
  test('a command is answered, and its effect begins, only when its record is durable', async () => {
    const host = await simulatedHost();
    const { id } = await host.supervisor.create(definition(), 'stopped', OPERATOR);
    await host.clock.settle();
    host.log.fail('hang');
    let answered = false;
    const starting = host.supervisor.command(id, start, OPERATOR).then(() => {
      answered = true;
    });
    await host.clock.advance(10_000);
    expect([answered, await bootsOf(host, id)]).toEqual([false, 0]);
    host.log.release();
    await starting;
    await host.clock.advance(10);
    expect(await bootsOf(host, id)).toBe(1);
  });

  test('an accepted command that changes nothing is recorded', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const before = (await host.records(id)).length;
    await host.supervisor.command(id, start, OPERATOR);
    expect((await host.records(id)).length).toBe(before + 1);
  });

  test('a refused command appends nothing and says what is accepted', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const appends = host.log.appends();
    await host.supervisor.command(id, stop, OPERATOR);
    await host.clock.advance(6_000);
    const after = host.log.appends();
    expect(after).toBeGreaterThan(appends);
    const refusal = await host.supervisor.command(id, { type: 'restore', by: 'x' }, OPERATOR).catch((e: unknown) => e);
    expect(refusal).toMatchObject({ code: 'invalid_state', details: { command: 'restore' } });
    expect((refusal as StatevisorError).details.accepts).toContain('start');
    expect(host.log.appends()).toBe(after);
  });

  test('an observation that means nothing is not recorded, nor is one of another run', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const before = host.log.appends();
    host.supervisor.observe(id, { type: 'guest.ready', run: 1 });
    host.supervisor.observe(id, {
      type: 'vmm.exited',
      run: 9,
      reason: 'killed',
      code: null,
      message: null,
      ended_at: 1,
    });
    await host.clock.settle();
    expect(host.log.appends()).toBe(before);
  });

  test('an append whose answer was lost is looked up in the log and counts once', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const before = (await host.records(id)).length;
    host.log.fail('unknown_written');
    await host.supervisor.command(id, start, OPERATOR);
    expect((await host.records(id)).length).toBe(before + 1);
  });

  test('a command whose append was certainly lost is refused and changes nothing', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    host.log.fail('unknown_lost');
    expect(await refusalCode(host.supervisor.command(id, stop, OPERATOR))).toBe('log_unavailable');
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  test('a result whose append was lost is offered again until it is recorded', async () => {
    const host = await simulatedHost();
    const { id } = await host.supervisor.create(definition(), 'running', OPERATOR);
    host.log.fail('refused_unavailable', 1);
    host.log.fail('unknown_lost', 2);
    await host.clock.advance(5_000);
    expect(host.instances.get(id)?.state).toBe('Running');
  });

  test('what a former owner had sent and landed late is gone on from: a stop of it holds, and commands are taken', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    const entry = await host.log.head(id);
    const record = parseRecord(entry!.bytes);
    const snapshot = fromStateData(record.state, (await host.records(id))[0]!.definition!);
    const result = step(snapshot, { ...stop, at: record.at });
    const made = { id: 'late', event: { ...stop, at: record.at }, cause: SYSTEM_CAUSE };
    const late = nextRecord(headAfter(record, snapshot), result, made);
    expect((await host.log.append(id, entry!.token, JSON.stringify(late))).kind).toBe('appended');

    await host.control.guestExit(id, 1);
    await host.clock.advance(60_000);
    expect([host.instances.get(id)?.state, await bootsOf(host, id)]).toEqual(['Stopped', 1]);
    await host.supervisor.command(id, start, OPERATOR);
    await host.clock.advance(5_000);
    expect([host.instances.get(id)?.state, await bootsOf(host, id)]).toEqual(['Running', 2]);
    const records = await host.records(id);
    expect(records.map(({ version }) => version)).toEqual(records.map((_, index) => index + 1));
    expect(host.problems).toEqual([]);
  });

  test('an owner that finds another owner in its stream steps down and does nothing more', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    host.log.fail('conflict');
    expect(await refusalCode(host.supervisor.command(id, stop, OPERATOR))).toBe('not_owner');
    expect(await refusalCode(host.supervisor.command(id, start, OPERATOR))).toBe('not_owner');
    await host.control.guestExit(id, 1);
    await host.clock.advance(60_000);
    expect(await bootsOf(host, id)).toBe(1);
  });
});

describe('the race between a decision and its boot', () => {
  test('a stop acknowledged while the boot is about to begin leaves no boot', async () => {
    let release = (): void => {};
    let holding = false;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const faults = (point: FaultPoint, { subject }: { subject: string }): Promise<void> | undefined => {
      if (point !== 'effect_begun' || subject !== 'vmm.boot' || !holding) return undefined;
      return held;
    };
    const host = await simulatedHost({ faults });
    const id = await runningInstance(host, { restart_policy: ON_FAILURE });
    holding = true;
    await host.control.guestExit(id, 1);
    await host.clock.settle();
    expect(host.instances.get(id)).toMatchObject({ phase: 'booting', run: 2 });
    await host.supervisor.command(id, stop, OPERATOR);
    release();
    await host.clock.advance(600_000);
    expect(await bootsOf(host, id)).toBe(1);
    expect(host.instances.get(id)).toMatchObject({ state: 'Stopped', wanted: 'stopped' });
  });
});

describe('command ids', () => {
  const meta = { ...OPERATOR, commandId: 'abc', digest: 'd1' };

  test('one id acts once: repeated later, at the same moment, and after a new start', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    const [first, second] = await Promise.all([
      host.supervisor.command(id, stop, meta),
      host.supervisor.command(id, stop, meta),
    ]);
    expect([first.repeated, second.repeated]).toEqual([false, true]);
    expect(second.record).toEqual(first.record);
    await host.restart();
    const third = await host.supervisor.command(id, stop, meta);
    expect(third).toMatchObject({ repeated: true, record: { version: first.record.version } });
    const stops = (await host.records(id)).filter((record) => record.event.type === 'stop');
    expect(stops).toHaveLength(1);
  });

  test('the same id with another payload is refused', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.supervisor.command(id, stop, meta);
    const other = host.supervisor.command(id, start, { ...meta, digest: 'd2' });
    expect(await refusalCode(other)).toBe('idempotency_mismatch');
  });

  test('a create repeated by its id makes one instance', async () => {
    const host = await simulatedHost();
    const [first, second] = await Promise.all([
      host.supervisor.create(definition(), 'stopped', meta),
      host.supervisor.create(definition(), 'stopped', meta),
    ]);
    expect(second.id).toBe(first.id);
    expect(host.supervisor.status().instances).toBe(1);
  });
});

describe('the host ledger', () => {
  test('a taken name or port refuses the create and keeps nothing of it', async () => {
    const host = await simulatedHost();
    await host.supervisor.create(
      definition({ network: { enabled: true, ports: [{ host_port: 8080, guest_port: 80 }] } }),
      'stopped',
      OPERATOR,
    );
    expect(await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR))).toBe('name_conflict');
    const clash = definition({
      name: 'other',
      network: { enabled: true, ports: [{ host_port: 8080, guest_port: 80 }] },
    });
    expect(await refusalCode(host.supervisor.create(clash, 'stopped', OPERATOR))).toBe('insufficient_resources');
    await host.supervisor.create(definition({ name: 'other' }), 'stopped', OPERATOR);
    expect(host.supervisor.status().instances).toBe(2);
  });

  test('a create that could not be recorded gives its name back', async () => {
    const host = await simulatedHost();
    host.log.fail('refused_full');
    expect(await refusalCode(host.supervisor.create(definition(), 'stopped', OPERATOR))).toBe('log_full');
    await host.supervisor.create(definition(), 'stopped', OPERATOR);
    expect(host.supervisor.status().instances).toBe(1);
  });

  test('a deleted instance gives its name and ports back', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    await host.supervisor.command(id, { type: 'delete', by: 'operator' }, OPERATOR);
    await host.clock.advance(10_000);
    expect(host.supervisor.has(id)).toBe(false);
    await host.supervisor.create(definition(), 'stopped', OPERATOR);
  });

  test('an instance is found by id, by name and by unique prefix; a shared prefix is ambiguous', async () => {
    const host = await simulatedHost();
    const { id } = await host.supervisor.create(definition(), 'stopped', OPERATOR);
    await host.clock.advance(5_000);
    const { id: other } = await host.supervisor.create(definition({ name: 'two' }), 'stopped', OPERATOR);
    expect([host.supervisor.resolve(id), host.supervisor.resolve('web')]).toEqual([id, id]);
    expect(host.supervisor.resolve(other.slice(0, -1))).toBe(other);
    expect(() => host.supervisor.resolve(id.slice(0, 4))).toThrow(/2 instances/);
    expect(() => host.supervisor.resolve('nobody')).toThrow(/no instance/);
    expect(() => host.supervisor.resolve('')).toThrow(/no instance/);
  });
});

describe('many instances', () => {
  test('instances at rest are let go of and come back when somebody speaks to them', async () => {
    const host = await simulatedHost({ restingMax: 3 });
    const ids: string[] = [];
    for (let n = 0; n < 10; n++) {
      ids.push((await host.supervisor.create(definition({ name: `vm-${n}` }), 'stopped', OPERATOR)).id);
    }
    await host.clock.settle();
    expect(host.supervisor.status()).toMatchObject({ instances: 10, resident: 3 });
    for (const id of ids) await host.supervisor.command(id, start, OPERATOR);
    await host.clock.advance(5_000);
    expect(host.instances.list().map((view) => view.state)).toEqual(Array.from({ length: 10 }, () => 'Running'));
  });

  test('a rule that throws quarantines its own instance only, and leaves its VM alone', async () => {
    const host = await simulatedHost();
    const broken = await runningInstance(host);
    const well = await runningInstance(host, { name: 'well', restart_policy: ON_FAILURE });
    host.supervisor.observe(broken, { type: 'timer.nonsense', due: 0, armed: 1 } as never);
    await host.clock.settle();
    expect(host.instances.get(broken)).toMatchObject({ state: 'Unknown', phase: 'quarantined' });
    expect(await host.control.countVmms(broken)).toBe(1);
    await host.control.guestExit(well, 1);
    await host.clock.advance(3_000);
    expect(host.instances.get(well)).toMatchObject({ state: 'Running', run: 2 });
    await host.supervisor.command(broken, stop, OPERATOR);
    await host.clock.advance(60_000);
    expect([host.instances.get(broken)?.state, await host.control.countVmms(broken)]).toEqual(['Stopped', 0]);
  });

  test('too many commands in one mailbox are refused as busy; ends and results still have room', async () => {
    const host = await simulatedHost();
    const id = await runningInstance(host);
    host.log.fail('hang');
    const waiting = Array.from({ length: MAILBOX_COMMANDS_MAX + 1 }, () =>
      host.supervisor.command(id, start, OPERATOR),
    );
    const refused = host.supervisor.command(id, start, OPERATOR);
    expect(await refusalCode(refused)).toBe('busy');
    await host.control.guestExit(id, 0);
    host.log.release();
    await Promise.all(waiting);
    await host.clock.settle();
    expect(host.instances.get(id)).toMatchObject({ exit_code: 0 });
  });
});
