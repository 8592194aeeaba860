/** Goal: the door contract notices a door that breaks its promises. Method: a door that keeps it, spoiled in one way at a time. */
import { expect, test } from 'vitest';
import type { Scene } from '../gateway/gateway-scene.ts';
import { OPERATOR } from '../gateway/gateway-scene.ts';
import { openHttpDoor } from '../gateway/http-door.ts';
import { doorChecks } from './door.contract.ts';
import { type Door, type DoorAnswer, doorWorld, TOKENS } from './door.world.ts';

type Spoil = (door: Door, scene: Scene) => Partial<Door>;

const lies: readonly [string, RegExp, Spoil][] = [
  [
    'lets everybody in',
    /without a known token/,
    (door) => ({ send: (verb, input, how) => door.send(verb, input, { ...how, token: TOKENS.admin }) }),
  ],
  [
    'forgets command ids',
    /repeated command/,
    (door) => ({ send: (verb, input, how) => door.send(verb, input, { ...how, commandId: undefined }) }),
  ],
  [
    'forgets what the caller says about itself',
    /stands in the record/,
    (door) => ({ send: (verb, input, how) => door.send(verb, input, { ...how, trace: undefined }) }),
  ],
  ['hides the field at fault', /every bad request/, (door) => answering(door, withoutField)],
  ['calls every refusal a bad request', /every bad request/, (door) => answering(door, withStatus400)],
  [
    'appends something although it refuses',
    /nothing is appended/,
    (door, scene) =>
      answering(door, async (answer) => {
        if (answer.status === 404) await scene.useCases.start({ id: 'web' }, OPERATOR);
        return answer;
      }),
  ],
  [
    'does not wait',
    /with its outcome/,
    (door) => ({ send: (verb, { wait: _wait, ...input }, how) => door.send(verb, input, how) }),
  ],
];

function answering(door: Door, change: (answer: DoorAnswer) => DoorAnswer | Promise<DoorAnswer>): Partial<Door> {
  return { send: async (verb, input, how) => change(await door.send(verb, input, how)) };
}

function withoutField(answer: DoorAnswer): DoorAnswer {
  const { field: _field, ...body } = answer.body as { field?: string };
  return { ...answer, body };
}

function withStatus400(answer: DoorAnswer): DoorAnswer {
  return answer.status >= 400 ? { ...answer, status: 400 } : answer;
}

test.each(lies)('a door that %s is found out', async (_lie, rule, spoil) => {
  const checks = doorChecks.filter((check) => rule.test(check.rule));
  expect(checks.length).toBeGreaterThan(0);
  const found = await Promise.all(checks.map((check) => breaks(check.run, spoil)));
  expect(found).toContain(true);
});

async function breaks(run: (typeof doorChecks)[number]['run'], spoil: Spoil): Promise<boolean> {
  const world = await doorWorld(async (scene) => {
    const door = await openHttpDoor(scene);
    return { ...door, ...spoil(door, scene) };
  });
  try {
    await run(world);
    return false;
  } catch {
    return true;
  } finally {
    await world.close();
  }
}
