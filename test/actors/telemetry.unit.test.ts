/** Goal: what the runtime tells of its own work is what happened. Method: the runtime in simulated time with a listener. */
import { expect, test } from 'vitest';
import type { AppendResult } from '../../src/actors/contracts/log.ts';
import type { EffectOutcome, Telemetry } from '../../src/actors/contracts/telemetry.ts';
import { BOOT_MS, definition, OPERATOR, runningInstance, simulatedHost } from './simulated-host.ts';

interface Heard extends Telemetry {
  readonly appends: AppendResult['kind'][];
  readonly effects: [kind: string, outcome: EffectOutcome, ms: number | null][];
}

function listener(): Heard {
  const appends: Heard['appends'] = [];
  const effects: Heard['effects'] = [];
  return {
    appends,
    effects,
    appended: (outcome) => void appends.push(outcome),
    effectEnded: (kind, outcome, ms) => void effects.push([kind, outcome, ms]),
    probeStarted: () => {},
    probed: () => {},
    trafficConfirmed: () => {},
    trafficForgotten: () => {},
    probesMissed: () => {},
  };
}

test('every record is told as one append, every effect with its kind, its end and how long it took', async () => {
  const telemetry = listener();
  const host = await simulatedHost({ telemetry });
  const id = await runningInstance(host);
  expect(telemetry.appends).toEqual((await host.records(id)).map(() => 'appended'));
  expect(telemetry.effects.map(([kind, outcome]) => [kind, outcome])).toEqual([
    ['instance.prepare', 'done'],
    ['vmm.boot', 'done'],
  ]);
  await host.supervisor.command(id, { type: 'stop', by: 'ada' }, OPERATOR);
  await host.clock.advance(10 * BOOT_MS);
  expect(telemetry.effects.at(-1)?.[0]).toMatch(/^vmm\.(shutdown|kill)$/);
  expect(telemetry.effects.every(([, , ms]) => ms !== null && ms >= 0)).toBe(true);
});

test('an effect that was withdrawn while it ran is told as withdrawn', async () => {
  const telemetry = listener();
  const host = await simulatedHost({ telemetry });
  await host.control.setBootDuration('*', 60_000);
  const { id } = await host.supervisor.create(definition(), 'running', OPERATOR);
  await host.clock.advance(BOOT_MS);
  await host.supervisor.command(id, { type: 'stop', by: 'ada', force: true }, OPERATOR);
  await host.clock.advance(30 * BOOT_MS);
  const boots = telemetry.effects.filter(([kind]) => kind === 'vmm.boot');
  expect(boots.map(([, outcome]) => outcome)).toHaveLength(1);
  const [[, outcome, ms]] = boots as [Heard['effects'][number]];
  expect([outcome, ms]).toEqual([await endOf(host, id), expect.any(Number)]);
});

/** How the record of the boot's end calls it. */
async function endOf(host: Awaited<ReturnType<typeof simulatedHost>>, id: string): Promise<string | undefined> {
  const ends = (await host.records(id)).filter(({ event }) => 'kind' in event && event.kind === 'vmm.boot');
  return ends[0]?.event.type.replace('effect.', '');
}

test('a status tells how many letters wait, in all and in the fullest mailbox', async () => {
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const host = await simulatedHost();
  const ids = [await runningInstance(host), await runningInstance(host, { name: 'second' })];
  await host.restart({ faults: (point) => (point === 'decided' ? gate : Promise.resolve()) });
  expect(host.supervisor.status().mailboxes).toEqual({ waiting: 0, fullest: 0 });
  const hold = { type: 'stop', by: 'ada' } as const;
  const sent = [0, 0, 0, 1].map((n) => host.supervisor.command(ids[n]!, hold, OPERATOR));
  await host.clock.settle();
  expect(host.supervisor.status().mailboxes).toEqual({ waiting: 2, fullest: 2 });
  open();
  await Promise.all(sent);
  expect(host.supervisor.status().mailboxes.waiting).toBe(0);
});
