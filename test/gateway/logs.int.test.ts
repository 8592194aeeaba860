/**
 * Goal: what a guest, its VMM and we ourselves said can be read and followed over HTTP, in our forms and in hypeman's.
 * Method: real sockets, a simulated guest in simulated time.
 */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http/http-gateway.ts';
import { type ReceivedMessage, sseMessages } from '../../src/gateway/http/sse-messages.ts';
import { OPEN_LINE_MAX } from '../../src/gateway/http/stream-routes.ts';
import type { LogView } from '../../src/gateway/use-cases/logs.ts';
import { LOG_FOLLOWERS_MAX, LOG_LOOK_EVERY_MS, type LogItem } from '../../src/gateway/use-cases/streams.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { ALIVE_EVERY_MS } from '../../src/projections/feed/record-feed.ts';
import { GRANTS, TOKENS } from '../contracts/door.world.ts';
import { gatewayScene, HOST, OPERATOR, type Scene } from './gateway-scene.ts';

const LOOKS_MAX = 4_000;
const PAUSE_MS = 5;

let scene: Scene;
let gateway: HttpGateway;
let web: string;
/** What the logs say, in place of the scene's. */
let said: (() => AsyncGenerator<LogItem, void>) | null;

beforeEach(async () => {
  scene = await gatewayScene();
  said = null;
  gateway = await createHttpGateway({
    useCases: scene.useCases,
    hostUseCases: createHostUseCases({ ...scene, sections: createHostSections(), host: HOST, version: '1.2.3' }),
    streams: { ...scene.streams, logs: async (...asked) => said?.() ?? scene.streams.logs(...asked) },
    tokens: GRANTS,
    listen: { host: '127.0.0.1', port: 0 },
    clock: scene.clock,
    random: seededRandom(11, scene.clock),
  });
  web = await scene.running('web');
});
afterEach(async () => {
  await gateway.close();
  await scene.close();
});

function open(path: string, accept: string, more: Record<string, string> = {}): Promise<Response> {
  return fetch(`${gateway.url}${path}`, { headers: { authorization: `Bearer ${TOKENS.reader}`, accept, ...more } });
}

const SSE = 'text/event-stream';
const guest = (run: number): string => `simulated guest of ${web}, run ${run}\nguest is ready\n`;

/** Lets simulated time pass, and sockets be served, until the condition holds. */
async function passing(condition: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    if (condition()) return;
    await scene.clock.advance(LOG_LOOK_EVERY_MS);
    await systemClock().sleep(PAUSE_MS);
  }
  throw new Error(`It did not happen: ${what}`);
}

/** Reads a stream in the background. */
async function following(path: string, more: Record<string, string> = {}) {
  const response = await open(path, SSE, more);
  const messages: ReceivedMessage[] = [];
  const seen = { isEnded: false };
  const views = (): LogView[] =>
    messages.flatMap(({ data, event }) => (data === null || event === 'end' ? [] : [JSON.parse(data)]));
  const ended = (async () => {
    for await (const message of sseMessages(response.body!)) messages.push(message);
    seen.isEnded = true;
  })();
  ended.catch(() => {});
  return {
    messages,
    views,
    seen,
    text: () =>
      views()
        .map(({ text }) => text)
        .join(''),
  };
}

describe('a log that is read once', () => {
  test('is plain text, cut to the last lines that are asked for', async () => {
    const response = await open('/v1/instances/web/logs', '*/*');
    expect(response.headers.get('content-type')).toContain('text/plain');
    expect(await response.text()).toBe(guest(1));
    expect(await (await open('/v1/instances/web/logs?tail=1', '*/*')).text()).toBe('guest is ready\n');
    expect(await (await open('/v1/instances/web/logs?tail=0', '*/*')).text()).toBe('');
  });

  test('as JSON has a cursor that brings only what came since', async () => {
    const ask = async (query: string) =>
      (await (await open(`/v1/instances/web/logs?${query}`, 'application/json')).json()) as LogView;
    const first = await ask('source=vmm');
    expect(first).toMatchObject({ run: 1, source: 'vmm', gap: false });
    expect(await ask(`source=vmm&run=1&after=${first.next}`)).toMatchObject({ text: '', next: first.next });
    await scene.during(scene.useCases.stop({ id: 'web', wait: '1m' }, OPERATOR));
    expect((await ask(`source=vmm&run=1&after=${first.next}`)).text).toBe('ended: power_off\n');
  });

  test('of our operations tells what was asked for and how it ended', async () => {
    await scene.during(scene.useCases.stop({ id: 'web', wait: '1m' }, OPERATOR));
    const text = await (await open('/v1/instances/web/logs?source=operations', '*/*')).text();
    const lines = text
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^\S+ v\d+ /, '').replace(/\(.*\)$/, '(SPAN)'));
    expect(lines).toEqual([
      'prepare: asked for',
      'prepare done (SPAN)',
      'boot of run 1: asked for',
      expect.stringMatching(/^boot of run 1 done, pid \d+ \(SPAN\)$/),
      'shutdown of run 1: asked for',
      'run 1 ended: power_off (SPAN)',
    ]);
  });

  test('is gone with its instance, but for our operations', async () => {
    await scene.during(scene.useCases.delete({ id: 'web', wait: '1m' }, OPERATOR));
    const response = await open(`/v1/instances/${web}/logs`, '*/*');
    expect({ status: response.status, body: await response.json() }).toMatchObject({
      status: 404,
      body: { code: 'not_found' },
    });
    expect(await (await open(`/v1/instances/${web}/logs?source=operations`, '*/*')).text()).toContain('remove files');
  });
});

describe('a log that is followed', () => {
  test('goes on with the next run, and a reader that comes back goes on where it was', async () => {
    const live = await following('/v1/instances/web/logs?follow=true');
    await passing(() => live.text() === guest(1), 'the tail came');
    await scene.during(scene.useCases.restart({ id: 'web', wait: '1m' }, OPERATOR));
    const whole = `${guest(1)}ended: power_off\n${guest(2)}`;
    await passing(() => live.text() === whole, 'the next run came');
    expect(live.views().map(({ run }) => run)).toEqual(expect.arrayContaining([1, 2]));
    for (const { id, data } of live.messages) {
      const back = await following('/v1/instances/web/logs?follow=true', { 'last-event-id': id });
      const index = live.messages.findIndex((message) => message.data === data);
      const rest = live
        .views()
        .slice(index + 1)
        .map(({ text }) => text)
        .join('');
      await passing(() => back.text().endsWith(rest) && back.text().length === rest.length, `what follows ${id}`);
    }
  });

  test('passes over no run, however many came while the reader was away', async () => {
    for (let run = 2; run <= 5; run++) await scene.during(scene.useCases.restart({ id: 'web', wait: '1m' }, OPERATOR));
    const back = await following('/v1/instances/web/logs?follow=true', { 'last-event-id': '1:0' });
    const whole = [1, 2, 3, 4].map((run) => `${guest(run)}ended: power_off\n`).join('') + guest(5);
    await passing(() => back.text().length >= whole.length, 'every run came');
    expect(back.text()).toBe(whole);
    expect(back.views().some(({ gap }) => gap)).toBe(false);
  });

  test('tells once that what was read of a run is not kept any more, and goes on with the next one', async () => {
    await scene.during(scene.useCases.restart({ id: 'web', wait: '1m' }, OPERATOR));
    const back = await following('/v1/instances/web/logs?follow=true', { 'last-event-id': '1:9999' });
    await passing(() => back.text() === guest(2), 'the next run came');
    expect(back.views().map(({ run, gap }) => ({ run, gap }))).toEqual([
      { run: 1, gap: true },
      { run: 2, gap: false },
    ]);
  });

  test('of one run ends when that run has, and says that it is complete', async () => {
    const live = await following('/v1/instances/web/logs?follow=true&run=1');
    await scene.during(scene.useCases.stop({ id: 'web', wait: '1m' }, OPERATOR));
    await passing(() => live.seen.isEnded, 'the end');
    expect(live.text()).toBe(`${guest(1)}ended: power_off\n`);
    expect(live.messages.at(-1)).toMatchObject({ event: 'end' });
  });

  test('ends with its instance', async () => {
    const live = await following('/v1/instances/web/logs?follow=true');
    await scene.during(scene.useCases.delete({ id: 'web', wait: '1m' }, OPERATOR));
    await passing(() => live.seen.isEnded, 'the end');
    expect(live.messages.at(-1)).toMatchObject({ event: 'end' });
  });

  test('of our operations shows each as it begins and ends', async () => {
    const live = await following('/v1/instances/web/logs?follow=true&source=operations&tail=0');
    await scene.during(scene.useCases.restart({ id: 'web', wait: '1m' }, OPERATOR));
    await passing(() => /boot of run 2 done/.test(live.text()), 'the boot of run 2');
    expect(live.text()).toMatch(
      /shutdown of run 1: asked for\n.*run 1 ended: power_off.*\n.*boot of run 2: asked for\n/,
    );
    expect(live.text()).not.toContain('boot of run 1');
  });

  test('of our operations costs the log nothing while nothing happens', async () => {
    const follow = { id: 'web', source: 'operations' };
    const one = await scene.streams.logs(follow, { ...OPERATOR, signal: new AbortController().signal });
    expect(await one.next()).toMatchObject({ value: { kind: 'text' } });
    const asked = (['read', 'head', 'extent', 'readAll'] as const).map((question) => vi.spyOn(scene.log, question));
    const next = one.next();
    for (let ms = 0; ms <= ALIVE_EVERY_MS; ms += LOG_LOOK_EVERY_MS) await scene.clock.advance(LOG_LOOK_EVERY_MS);
    expect(await next).toMatchObject({ value: { kind: 'alive' } });
    expect(asked.map(({ mock }) => mock.calls.length)).toEqual([0, 0, 0, 0]);
    await one.return();
  });

  test('is kept in use while nobody says anything, and only so many follow at one time', async () => {
    const caller = { ...OPERATOR, signal: new AbortController().signal };
    const streams = await Promise.all(
      Array.from({ length: LOG_FOLLOWERS_MAX }, () => scene.streams.logs({ id: 'web' }, caller)),
    );
    const refused = await open('/v1/instances/web/logs?follow=true', SSE);
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 429,
      body: { code: 'busy' },
    });
    const one = streams[0]!;
    expect(await one.next()).toMatchObject({ value: { kind: 'text' } });
    const next = one.next();
    for (let ms = 0; ms <= ALIVE_EVERY_MS; ms += LOG_LOOK_EVERY_MS) await scene.clock.advance(LOG_LOOK_EVERY_MS);
    expect(await next).toMatchObject({ value: { kind: 'alive' } });
    await one.return();
    expect((await following('/v1/instances/web/logs?follow=true')).seen.isEnded).toBe(false);
  });
});

describe('the path of hypeman’s client', () => {
  test.each([
    ['', 'console'],
    ['?source=app', 'console'],
    ['?source=vmm', 'vmm'],
    ['?source=hypeman', 'operations'],
  ])('/instances/ID/logs%s brings each line of the %s as one JSON text', async (query, source) => {
    const own = await (await open(`/v1/instances/web/logs?source=${source}`, '*/*')).text();
    const response = await open(`/instances/web/logs${query}`, SSE);
    expect(response.headers.get('content-type')).toContain(SSE);
    const lines: unknown[] = [];
    for await (const { data } of sseMessages(response.body!)) lines.push(JSON.parse(data!));
    expect(lines).toEqual(own.trimEnd().split('\n'));
  });

  test('tells a line that is never ended in several, and loses nothing of it', async () => {
    const piece = 'x'.repeat(OPEN_LINE_MAX / 4);
    const pieces = [...Array.from({ length: 9 }, () => piece), 'end\nnext'];
    const view: LogView = { run: 1, source: 'console', text: '', next: '0', gap: false };
    said = async function* () {
      for (const text of pieces) yield { kind: 'text', view: { ...view, text } };
    };
    const lines: string[] = [];
    const response = await open('/instances/web/logs?follow=true', SSE);
    for await (const { data } of sseMessages(response.body!)) lines.push(JSON.parse(data!));
    expect(lines.map(({ length }) => length)).toEqual([5 * piece.length, 4 * piece.length + 3, 4]);
    expect(lines.join('')).toBe(pieces.join('').replace('\n', ''));
  });

  test('follows, takes `tail`, and refuses another source by its name', async () => {
    const response = await open('/instances/web/logs?follow=true&tail=1', SSE);
    const messages = sseMessages(response.body!);
    expect((await messages.next()).value).toMatchObject({ data: '"guest is ready"' });
    const next = messages.next();
    await scene.during(scene.useCases.stop({ id: 'web', wait: '1m' }, OPERATOR));
    let line: unknown;
    void next.then(({ value }) => {
      line = value;
    });
    await passing(() => line !== undefined, 'the next line');
    expect(line).toMatchObject({ data: '"ended: power_off"' });
    const refused = await open('/instances/web/logs?source=kernel', SSE);
    expect({ status: refused.status, body: await refused.json() }).toMatchObject({
      status: 400,
      body: { field: 'source' },
    });
  });
});
