import { jetstreamManager } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import { afterEach, describe, expect, test } from 'vitest';
import type { AppendResult, Token } from '../../../src/actors/contracts/log.ts';
import { appendMany, bytesOf, collect, mustAppend } from '../../contracts/log-check.ts';
import { type LogScene, openLogScene, untilMode } from './log-scene.ts';

/** What the log says and does when its server is silent, gone, full, too small or somebody else's. */

let scene: LogScene;
afterEach(() => scene.close());

/** The stream of a log, as another daemon would have made it. */
function ofLog(name: string) {
  return {
    name: `statevisor-log-${name}`,
    description: 'Statevisor log, format 1',
    subjects: ['entry.>', 'claim'].map((last) => `statevisor.v1.log.${name}.${last}`),
    discard: 'new',
  } as const;
}

async function appendUntilRefused(log: Awaited<ReturnType<LogScene['open']>>, most: number): Promise<AppendResult> {
  let prev: Token | null = null;
  for (let n = 1; n <= most; n++) {
    const result: AppendResult = await log.append('filling', prev, `${n} ${'x'.repeat(2_000)}`);
    if (result.kind !== 'appended') return result;
    prev = result.token;
  }
  throw new Error(`${most} appends were taken`);
}

describe('a server that falls silent', () => {
  test('leaves an append unknown, is refused further ones at once, and the head settles what became of it', async () => {
    scene = await openLogScene();
    const log = await scene.open();
    const first = await mustAppend(log, 'a', null, 'before');
    await scene.server.standStill();
    const unknown = await log.append('a', first.token, 'into silence');
    expect(unknown.kind).toBe('unknown');
    const state = await untilMode(log, 'log_unreachable');
    expect(state).toMatchObject({ reachable: false, since: expect.any(Number), message: expect.any(String) });
    expect(await log.append('b', null, 'not sent')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    await expect(log.head('a')).rejects.toMatchObject({ code: 'log_unavailable' });
    scene.server.signal('SIGCONT');
    await untilMode(log, 'serving');
    const head = await log.head('a');
    expect(head?.bytes).toBe('into silence');
    await mustAppend(log, 'a', head!.token, 'after');
    expect(bytesOf(await collect(log.readAll(null)))).toEqual(['before', 'into silence', 'after']);
  });
});

describe('an answer that gets lost', () => {
  test.each([
    ['by the id of its content', 120_000],
    ['by its place in the stream, when the server has forgotten the id', 100],
  ])('is found again %s: the entry is there once and counts as appended', async (_how, rememberedMs) => {
    scene = await openLogScene();
    const manager = await jetstreamManager(await scene.connect());
    const duplicate_window = nanos(rememberedMs);
    await manager.streams.add({ ...ofLog('log'), duplicate_window });
    const log = await scene.open({ throughProxy: true });
    const first = await mustAppend(log, 'a', null, 'before');
    scene.proxy.loseAnswers();
    expect((await log.append('a', first.token, 'stored')).kind).toBe('unknown');
    scene.proxy.cut();
    scene.proxy.thaw();
    await untilMode(log, 'serving');
    const head = await log.head('a');
    expect(head).toMatchObject({ bytes: 'stored', version: 2 });
    expect((await log.append('a', first.token, 'stored')).kind).toBe('conflict');
    expect(bytesOf(await collect(log.read('a')))).toEqual(['before', 'stored']);
  });

  test('a rival that came in between is told as a conflict, not taken for the lost one', async () => {
    scene = await openLogScene();
    const log = await scene.open({ throughProxy: true });
    const first = await mustAppend(log, 'a', null, 'before');
    scene.proxy.freeze();
    const lost = log.append('a', first.token, 'held back');
    await untilMode(log, 'log_unreachable');
    expect((await lost).kind).toBe('unknown');
    // Cut before it thaws: what was held back never arrives.
    scene.proxy.cut();
    scene.proxy.thaw();
    await untilMode(log, 'serving');
    const rival = await log.append('a', first.token, 'rival');
    expect(rival.kind).toBe('appended');
    expect((await log.head('a'))?.bytes).toBe('rival');
    expect(bytesOf(await collect(log.read('a')))).toEqual(['before', 'rival']);
  });
});

describe('a server that is gone', () => {
  test('is sent nothing, and what was refused meanwhile is not there when it is back', async () => {
    scene = await openLogScene();
    const log = await scene.open();
    const first = await mustAppend(log, 'a', null, 'before');
    await scene.server.kill();
    await untilMode(log, 'log_unreachable');
    expect(await log.append('a', first.token, 'refused')).toMatchObject({ kind: 'refused', reason: 'unavailable' });
    await expect(collect(log.readAll(null))).rejects.toMatchObject({ code: 'log_unavailable' });
    await scene.server.start();
    await untilMode(log, 'serving');
    await mustAppend(log, 'a', first.token, 'after');
    expect(bytesOf(await collect(log.readAll(null)))).toEqual(['before', 'after']);
  });
});

describe('a server without room', () => {
  test('by the limit of the log: refuses what is new, keeps what it acknowledged, and goes on when there is room', async () => {
    scene = await openLogScene();
    const log = await scene.open({ maxBytes: 65_536 });
    const refused = await appendUntilRefused(log, 100);
    expect(refused).toMatchObject({ kind: 'refused', reason: 'full' });
    expect(log.state()).toMatchObject({ mode: 'log_full', reachable: true });
    const all = await collect(log.read('filling'));
    const last = all.at(-1)!;
    await log.trim(all[10]!);
    const next = await mustAppend(log, 'filling', last.token, 'room by trimming');
    expect([next.version, log.state().mode]).toEqual([last.version + 1, 'serving']);
    const kept = bytesOf(await collect(log.read('filling')));
    await log.close();
    const larger = await scene.open({ maxBytes: 1_048_576 });
    expect(bytesOf(await collect(larger.read('filling')))).toEqual(kept);
    const head = await larger.head('filling');
    await mustAppend(larger, 'filling', head!.token, 'room again');
    expect(larger.state().mode).toBe('serving');
  });

  test('by the limit of the server: refuses what is new and keeps what it acknowledged', async () => {
    scene = await openLogScene({ limits: 'max_file_store: 262144' });
    const log = await scene.open();
    expect(await appendUntilRefused(log, 400)).toMatchObject({ kind: 'refused', reason: 'full' });
    const all = await collect(log.read('filling'));
    await expect(log.append('other', null, 'x')).resolves.toMatchObject({ kind: 'refused', reason: 'full' });
    expect(bytesOf(await collect(log.read('filling')))).toEqual(bytesOf(all));
    expect(log.state().mode).toBe('log_full');
  });

  test('for one entry that is larger than it takes: refuses that one, with both sizes', async () => {
    scene = await openLogScene({ maxPayload: 65_536 });
    const log = await scene.open();
    const result = await log.append('a', null, 'x'.repeat(65_536));
    expect(result).toMatchObject({
      kind: 'refused',
      reason: 'too_large',
      message: expect.stringMatching(/65024.*65536/),
    });
    await mustAppend(log, 'a', null, 'x'.repeat(65_000));
    expect((await log.append('n'.repeat(2_000), null, 'x')).kind).toBe('refused');
    expect(log.state().mode).toBe('serving');
  });
});

describe('a log that cannot be opened says which it is:', () => {
  test('a name that is none, settings that would lose entries, a newer format, somebody else’s stream', async () => {
    scene = await openLogScene();
    const manager = await jetstreamManager(await scene.connect());
    await manager.streams.add({ ...ofLog('old'), discard: 'old' });
    await manager.streams.add({ ...ofLog('new'), description: 'Statevisor log, format 9' });
    await manager.streams.add({ ...ofLog('other'), description: 'something else' });
    await expect(scene.open({ name: 'old' })).rejects.toMatchObject({
      code: 'log_misconfigured',
      message: expect.stringContaining('discard is old'),
    });
    await expect(scene.open({ name: 'new' })).rejects.toMatchObject({ code: 'log_from_newer_version' });
    await expect(scene.open({ name: 'other' })).rejects.toMatchObject({ code: 'log_unreadable' });
    await expect(scene.open({ name: 'no.dots' })).rejects.toMatchObject({ code: 'log_misconfigured' });
    await expect(scene.open({ name: 'many', replicas: 3 })).rejects.toMatchObject({
      code: 'log_misconfigured',
      message: expect.stringMatching(/replicas/),
    });
  });

  test('a message that no log has written is not passed off as an entry', async () => {
    scene = await openLogScene();
    const log = await scene.open();
    await appendMany(log, 'a', 1);
    const stranger = await scene.connect();
    stranger.publish('statevisor.v1.log.log.entry.a', 'not ours');
    await stranger.flush();
    await expect(collect(log.readAll(null))).rejects.toMatchObject({ code: 'log_unreadable' });
  });
});
