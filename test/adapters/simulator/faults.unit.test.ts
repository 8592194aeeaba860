import { describe, expect, it } from 'vitest';
import type { EffectControl, Outcome } from '../../../src/actors/contracts/hypervisor.ts';
import type { JournalLine } from '../../../src/adapters/simulator/journal.ts';
import type { Fault, Operation } from '../../../src/adapters/simulator/wire.ts';
import { wanted } from '../../contracts/hypervisor.world.ts';
import { simulatedScene, specOf } from './simulator-worlds.ts';

type Scene = ReturnType<typeof simulatedScene>;
type Act = Exclude<Operation, 'inspect'>;

const INSTANCE = 'web';
const RUN = { instance: INSTANCE, run: 1 };
const NEXT = { instance: INSTANCE, run: 2 };
const EFFECT = 'web/9/0';
/** Longer than every time limit of an operation. */
const LONG_MS = 70_000;

/** The line of the journal that shows that an operation was truly done. */
const DEED: Readonly<Record<Act, JournalLine['type']>> = {
  boot: 'vmm.spawned',
  restore: 'vmm.spawned',
  pause: 'vmm.paused',
  resume: 'vmm.resumed',
  snapshot: 'snapshot.written',
  shutdown: 'shutdown.asked',
  kill: 'vmm.ended',
  set_clock: 'clock.set',
  copy_snapshot: 'snapshot.copied',
  fork_snapshot: 'snapshot.copied',
};
/** These work on the store of snapshots: no VMM dies of them. */
const COPIES: readonly Act[] = ['copy_snapshot', 'fork_snapshot'];
const ACTS = Object.keys(DEED) as Act[];

/** Brings the world to where the operation makes sense. */
async function ready(operation: Act): Promise<Scene> {
  const scene = simulatedScene();
  const { hypervisor, clock } = scene;
  if (operation === 'boot') return scene;
  await hypervisor.boot(specOf(RUN), wanted());
  await clock.advance(2_000);
  if (operation === 'pause' || operation === 'shutdown' || operation === 'kill') return scene;
  if (operation === 'set_clock') return scene;
  await hypervisor.pause(RUN, wanted());
  if (operation !== 'restore' && !COPIES.includes(operation)) return scene;
  await hypervisor.snapshot(RUN, { snapshot: 'one' }, wanted());
  await hypervisor.kill(RUN, wanted());
  return scene;
}

function begin({ hypervisor, clock }: Scene, operation: Act, control: EffectControl): Promise<Outcome<unknown>> {
  switch (operation) {
    case 'boot':
      return hypervisor.boot(specOf(RUN), control);
    case 'restore':
      return hypervisor.restore(specOf(NEXT), { snapshot: 'one' }, control);
    case 'snapshot':
      return hypervisor.snapshot(RUN, { snapshot: 'two' }, control);
    case 'copy_snapshot':
      return hypervisor.copySnapshot(INSTANCE, { snapshot: 'one' }, { snapshot: 'two' }, control);
    case 'fork_snapshot':
      return hypervisor.forkSnapshot(
        { instance: INSTANCE, snapshot: 'one' },
        { instance: 'twin', snapshot: 'one' },
        control,
      );
    case 'set_clock':
      return hypervisor.setClock(RUN, clock.now(), control);
    default:
      return hypervisor[operation](RUN, control);
  }
}

async function linesOfEffect({ control }: Scene): Promise<readonly JournalLine[]> {
  return (await control.journal()).filter(
    (line) => ('effect' in line && line.effect === EFFECT) || ('by' in line && line.by === EFFECT),
  );
}

async function strike(operation: Act, fault: Fault): Promise<{ outcome: Outcome<unknown>; types: string[] }> {
  const scene = await ready(operation);
  await scene.control.setFault(INSTANCE, operation, fault);
  const pending = begin(scene, operation, wanted(EFFECT));
  await scene.clock.advance(LONG_MS);
  return { outcome: await pending, types: (await linesOfEffect(scene)).map(({ type }) => type) };
}

describe.each(ACTS)('the simulated %s', (operation) => {
  it('is done when no fault strikes', async () => {
    const { outcome, types } = await strike(operation, 'ok');
    expect(outcome.outcome).toBe('done');
    expect(types).toContain(DEED[operation]);
  });

  it('fails without having been done', async () => {
    const { outcome, types } = await strike(operation, 'fail');
    const code = operation === 'set_clock' ? 'agent_unanswered' : `${operation}_failed`;
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code } });
    expect(types).toEqual([]);
  });

  it('that hangs fails at its time limit without having been done', async () => {
    const { outcome, types } = await strike(operation, 'hang');
    expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'timed_out' } });
    expect(types).toEqual([]);
  });

  it('that is done and never answered is unknown at its time limit', async () => {
    const { outcome, types } = await strike(operation, 'hang_after');
    expect(outcome).toMatchObject({ outcome: 'unknown', error: { code: 'timed_out' } });
    expect(types).toContain(DEED[operation]);
  });

  it('answers done without having been done when it lies, and the journal tells', async () => {
    const { outcome, types } = await strike(operation, 'lie');
    expect(outcome.outcome).toBe('done');
    expect(types).toContain('lie.told');
    expect(types).not.toContain(DEED[operation]);
  });

  it('tells of the end when the VMM crashes in the middle, and a copy that breaks off leaves nothing', async () => {
    const { outcome, types } = await strike(operation, 'crash');
    if (COPIES.includes(operation)) {
      expect(outcome).toMatchObject({ outcome: 'failed', error: { code: 'copy_failed' } });
      expect(types).toEqual([]);
      return;
    }
    const expected = operation === 'kill' ? { outcome: 'done' } : { outcome: 'failed', error: { code: 'vmm_crashed' } };
    expect(outcome).toMatchObject({ ...expected, ended: { reason: 'crashed', code: null } });
    expect(types).toContain('vmm.ended');
  });

  it('is done late when it is slow, and fails when it is slower than its time limit', async () => {
    const slow = await strike(operation, { slow: 3_000 });
    expect(slow.outcome.outcome).toBe('done');
    expect(slow.types).toContain(DEED[operation]);
    const tooSlow = await strike(operation, { slow: LONG_MS });
    expect(tooSlow.outcome).toMatchObject({ outcome: 'failed', error: { code: 'timed_out' } });
    expect(tooSlow.types).toEqual([]);
  });

  it.each(['hang', { slow: 3_000 }] as const)('is withdrawn while it waits (%o), and is never done', async (fault) => {
    const scene = await ready(operation);
    await scene.control.setFault(INSTANCE, operation, fault);
    const withdrawal = new AbortController();
    const pending = begin(scene, operation, { ...wanted(EFFECT), signal: withdrawal.signal });
    await scene.clock.advance(1_000);
    withdrawal.abort();
    await scene.clock.settle();
    expect(await pending).toEqual({ outcome: 'withdrawn' });
    await scene.clock.advance(LONG_MS);
    expect(await linesOfEffect(scene)).toEqual([]);
  });

  it('is unknown soon after it is withdrawn when it was asked for and not answered', async () => {
    const scene = await ready(operation);
    await scene.control.setFault(INSTANCE, operation, 'hang_after');
    const withdrawal = new AbortController();
    const pending = begin(scene, operation, { ...wanted(EFFECT), signal: withdrawal.signal });
    await scene.clock.settle();
    withdrawal.abort();
    await scene.clock.advance(200);
    expect((await pending).outcome).toBe('unknown');
  });

  it('asks whether it is still wanted after it has waited, not before', async () => {
    const scene = await ready(operation);
    await scene.control.setFault(INSTANCE, operation, { slow: 3_000 });
    let stillWanted = true;
    const pending = begin(scene, operation, { ...wanted(EFFECT), stillWanted: () => stillWanted });
    await scene.clock.advance(1_000);
    stillWanted = false;
    await scene.clock.advance(3_000);
    expect(await pending).toEqual({ outcome: 'withdrawn' });
    expect(await linesOfEffect(scene)).toEqual([]);
  });
});

describe('the simulated inspection', () => {
  const cases: readonly (readonly [Fault, unknown])[] = [
    ['ok', { reality: 'running', ready: true }],
    ['fail', { reality: 'unreachable' }],
    ['hang', { reality: 'unreachable' }],
    ['lie', { reality: 'none' }],
    ['crash', { reality: 'unreachable' }],
    [{ slow: 1_000 }, { reality: 'running', ready: true }],
  ];
  it.each(cases)('answers %o with %o', async (fault, expected) => {
    const scene = await ready('kill');
    await scene.control.setFault(INSTANCE, 'inspect', fault, 1);
    const pending = scene.hypervisor.inspect(RUN);
    await scene.clock.advance(LONG_MS);
    expect(await pending).toMatchObject(expected as object);
    const after = fault === 'crash' ? { reality: 'ended', reason: 'crashed' } : { reality: 'running', ready: true };
    expect(await scene.hypervisor.inspect(RUN)).toMatchObject(after);
  });
});

describe('a fault', () => {
  it('strikes as many times as it was told to, then no more', async () => {
    const scene = simulatedScene();
    await scene.control.setFault(INSTANCE, 'boot', 'fail', 2);
    const outcomes: string[] = [];
    for (const run of [1, 2, 3]) {
      outcomes.push((await scene.hypervisor.boot(specOf({ instance: INSTANCE, run }), wanted())).outcome);
    }
    expect(outcomes).toEqual(['failed', 'failed', 'done']);
  });

  it('of every instance gives way to an instance’s own', async () => {
    const scene = simulatedScene();
    await scene.control.setFault('*', 'boot', 'fail');
    await scene.control.setFault(INSTANCE, 'boot', 'ok');
    expect((await scene.hypervisor.boot(specOf(RUN), wanted())).outcome).toBe('done');
    expect((await scene.hypervisor.boot(specOf({ instance: 'other', run: 1 }), wanted())).outcome).toBe('failed');
  });
});
