import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { afterEach, describe, test } from 'vitest';
import { MAILBOX_COMMANDS_MAX } from '../../src/actors/mailbox.ts';
import { type DoorAnswer, type DoorWorld, doorWorld, type OpenDoor, TOKENS, viewIn } from './door.world.ts';
import { badBodies, badRequests } from './door-refusals.ts';

/** One promise of a door to its users; throws when it is broken. */
export interface DoorCheck {
  readonly rule: string;
  readonly run: (world: DoorWorld) => Promise<void>;
}

function refused(answer: DoorAnswer, expected: { status: number; code: string; field?: string }, what: string): void {
  const body = answer.body as { code?: unknown; message?: unknown; field?: unknown };
  const seen = { status: answer.status, code: body.code, field: body.field };
  deepStrictEqual(seen, { status: expected.status, code: expected.code, field: expected.field }, what);
  ok(typeof body.message === 'string' && body.message.endsWith('.'), `${what}: the message is a sentence`);
}

export const doorChecks: readonly DoorCheck[] = [
  {
    rule: 'every bad request is refused with its code and field, and nothing is appended',
    run: async (world) => {
      const records = await world.scene.countRecords();
      for (const bad of badRequests(world)) {
        refused(await world.door.send(bad.verb, bad.input), bad, `${bad.verb} ${JSON.stringify(bad.input)}`);
      }
      strictEqual(await world.scene.countRecords(), records);
    },
  },
  {
    rule: 'a body that is no request is refused, and nothing is appended',
    run: async ({ door, scene }) => {
      const records = await scene.countRecords();
      for (const { name, bytes, status, code } of badBodies()) {
        const answer = await door.sendBytes(bytes);
        strictEqual(answer.status, status, name);
        strictEqual((answer.body as { code: string }).code, code, name);
      }
      strictEqual(await scene.countRecords(), records);
    },
  },
  {
    rule: 'without a known token nothing is answered, not even whether a verb exists',
    run: async ({ door, scene, web }) => {
      const records = await scene.countRecords();
      for (const token of [null, '', 'wrong', `${TOKENS.operator}x`, TOKENS.operator.slice(0, -1)]) {
        for (const verb of ['list', 'stop', 'explode']) {
          const answer = await door.send(verb, { id: web }, { token });
          refused(answer, { status: 401, code: 'unauthorized' }, `${verb} with ${token}`);
        }
      }
      strictEqual(await scene.countRecords(), records);
    },
  },
  {
    rule: 'a token can do what its scopes say and no more',
    run: async ({ door, scene, web }) => {
      const records = await scene.countRecords();
      const stop = await door.send('stop', { id: web }, { token: TOKENS.reader });
      refused(stop, { status: 403, code: 'forbidden' }, 'a reader stops');
      const get = await door.send('get', { id: web }, { token: TOKENS.nobody });
      refused(get, { status: 403, code: 'forbidden' }, 'nobody reads');
      strictEqual(await scene.countRecords(), records);
      strictEqual((await door.send('get', { id: web }, { token: TOKENS.reader })).status, 200);
      strictEqual((await door.send('get', { id: web }, { token: TOKENS.operator })).status, 200);
      strictEqual((await door.send('stop', { id: web }, { token: TOKENS.admin })).status, 202);
    },
  },
  {
    rule: 'a command is answered at acceptance, with host, version and position',
    run: async ({ door }) => {
      const answer = await door.send('create', { name: 'new', image: 'demo' });
      strictEqual(answer.status, 201);
      strictEqual(viewIn(answer).state, 'Created');
      deepStrictEqual([answer.host, answer.version, answer.outcome], ['host-1', '1', null]);
      const read = await door.send('get', { id: 'new', min_position: answer.position });
      strictEqual(viewIn(read).name, 'new');
    },
  },
  {
    rule: 'with wait a command is answered with its outcome',
    run: async ({ door, web, during }) => {
      const answer = await during(door.send('stop', { id: web, wait: '1m' }));
      deepStrictEqual([answer.status, answer.outcome, viewIn(answer).state], [200, 'reached', 'Stopped']);
      const waited = await during(door.send('wait', { id: web, state: 'Stopped' }));
      deepStrictEqual(waited.body, { state: 'Stopped', state_error: null, timed_out: false });
    },
  },
  {
    rule: 'what the caller says about itself stands in the record',
    run: async ({ door, web }) => {
      const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const how = { commandId: 'cmd-1', correlation: 'ticket-7', trace };
      const answer = await door.send('stop', { id: web }, how);
      strictEqual(answer.correlation, 'ticket-7');
      const { body } = await door.send('history', { id: web, from: Number(answer.version), limit: 1 });
      const { cause } = (body as { records: { cause: Record<string, unknown> }[] }).records[0]!;
      deepStrictEqual([cause.actor, cause.correlation, cause.trace], ['ada', 'ticket-7', trace]);
      strictEqual((cause.command as { id: string }).id, 'cmd-1');
    },
  },
  {
    rule: 'a repeated command is answered alike and appends nothing; another payload under its id is refused',
    run: async ({ door, scene, web }) => {
      const how = { commandId: 'once' };
      const first = await door.send('stop', { id: web }, how);
      const records = await scene.countRecords();
      const again = await door.send('stop', { id: web }, how);
      deepStrictEqual({ ...again, correlation: null }, { ...first, correlation: null });
      const other = await door.send('stop', { id: web, force: true }, how);
      refused(other, { status: 409, code: 'idempotency_mismatch' }, 'another payload');
      strictEqual(await scene.countRecords(), records);
    },
  },
  {
    rule: 'a hold is answered with the status of standby, and too late it is refused as such',
    run: async ({ door, web, during }) => {
      await door.send('update', { id: web, auto_standby: { enabled: true, idle_timeout: '10m' } });
      const held = await door.send('hold', { id: web, for: '1h' });
      const status = await door.send('auto_standby_status', { id: web });
      deepStrictEqual([held.status, status.status], [200, 200]);
      const until = ({ body }: DoorAnswer): unknown => (body as { hold_until?: string }).hold_until;
      ok(until(held) !== undefined && until(held) === until(status));
      await during(door.send('standby', { id: web, wait: '1m' }));
      refused(await door.send('hold', { id: web }), { status: 409, code: 'instance_in_standby' }, 'a late hold');
    },
  },
  {
    rule: 'a snapshot is taken, listed, begun with by a fork, brought back and deleted',
    run: async ({ door, web, during }) => {
      const settled = (verb: string, more: object = {}) => during(door.send(verb, { id: web, wait: '1m', ...more }));
      const taken = await settled('create_snapshot', { name: 'before' });
      deepStrictEqual([taken.status, taken.outcome, viewIn(taken).state], [200, 'reached', 'Running']);
      const { snapshots } = (await door.send('list_snapshots', { id: web })).body as { snapshots: { name: string }[] };
      deepStrictEqual(
        snapshots.map(({ name }) => name),
        ['before'],
      );
      const forked = await settled('fork', { name: 'copy', snapshot: 'before' });
      deepStrictEqual([forked.status, forked.outcome, viewIn(forked).name], [201, 'reached', 'copy']);
      await settled('stop');
      const back = await settled('restore_snapshot', { name: 'before', then: 'standby' });
      deepStrictEqual([back.status, viewIn(back).state], [200, 'Standby']);
      strictEqual(viewIn(await settled('delete_snapshot', { name: 'before' })).snapshots, undefined);
    },
  },
  {
    rule: 'a command that the present state does not accept is told what it does accept',
    run: async ({ door, db }) => {
      const { body } = await door.send('restore', { id: db });
      const { details, message } = body as { details: { accepts: string[] }; message: string };
      const accepted = ['delete', 'ignore', 'restart', 'start', 'stop', 'update'];
      strictEqual(message, `restore is not accepted in the state stopped; accepted are ${accepted.join(', ')}.`);
      deepStrictEqual(details.accepts, accepted);
    },
  },
  {
    rule: 'more commands than fit into the mailbox are refused as busy, and the others are dealt with',
    run: async ({ door, scene, web, during }) => {
      const release = scene.stall();
      const beyond = 5;
      let refusals = 0;
      // One is being decided, the mailbox is full behind it.
      const answers = Array.from({ length: 1 + MAILBOX_COMMANDS_MAX + beyond }, async () => {
        const answer = await door.send('stop', { id: web });
        if (answer.status === 429) refusals += 1;
        if (refusals === beyond) release();
        return answer;
      });
      const statuses = (await during(Promise.all(answers)).finally(release)).map(({ status }) => status);
      strictEqual(statuses.filter((status) => status === 202).length, 1 + MAILBOX_COMMANDS_MAX);
      strictEqual(statuses.filter((status) => status === 429).length, beyond);
    },
  },
];

/** Registers every check of the door contract for one door. Each runs in a world of its own. */
export function doorContract(name: string, open: OpenDoor): void {
  describe(`${name} keeps the door contract:`, () => {
    const worlds: DoorWorld[] = [];
    afterEach(async () => {
      for (const world of worlds.splice(0)) await world.close();
    });
    for (const { rule, run } of doorChecks) {
      test(rule, async () => {
        const world = await doorWorld(open);
        worlds.push(world);
        await run(world);
      });
    }
  });
}
