/** Goal: the page is open, what it shows is not. Method: a real door, with and without a token. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createHttpGateway, type HttpGateway } from '../../src/gateway/http/http-gateway.ts';
import { inspectorFiles } from '../../src/gateway/inspector/inspector-files.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { chartStructure } from '../../src/projections/chart-structure.ts';
import { GRANTS, TOKENS } from '../contracts/door.world.ts';
import { gatewayScene, HOST, type Scene } from '../gateway/gateway-scene.ts';

let scene: Scene;
let door: HttpGateway;

beforeAll(async () => {
  scene = await gatewayScene();
  door = await createHttpGateway({
    useCases: scene.useCases,
    hostUseCases: createHostUseCases({ ...scene, sections: createHostSections(), host: HOST, version: '1.2.3' }),
    streams: scene.streams,
    files: inspectorFiles(),
    tokens: GRANTS,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock(),
    random: seededRandom(11, scene.clock),
  });
});

afterAll(async () => {
  await door.close();
  await scene.close();
});

const get = (path: string, token?: string): Promise<Response> =>
  fetch(`${door.url}${path}`, {
    redirect: 'manual',
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  });

describe('without a token', () => {
  test('the page and its files are read, each with its type', async () => {
    const page = await get('/inspector/');
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
    const script = /src="([^"]+)"/.exec(await page.text())?.[1];
    const main = await get(`/inspector/${script}`);
    expect([main.status, main.headers.get('content-type')]).toEqual([200, 'text/javascript; charset=utf-8']);
    expect(main.headers.get('content-security-policy')).toContain("default-src 'none'");
  });

  test('the address without its slash leads to the page', async () => {
    const answer = await get('/inspector');
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/inspector/']);
  });

  test.each(['/inspector/package.json', '/inspector/..%2fpackage.json', '/inspector/src/cli/main.ts'])(
    'there is no other file: %s',
    async (path) => {
      const answer = await get(path);
      expect([answer.status, (await answer.json()) as unknown]).toMatchObject([404, { code: 'not_found' }]);
    },
  );

  test.each(['/v1/chart', '/v1/instances', '/v1/events', '/v1/host', '/', '/inspectors'])(
    'nothing else is told: %s',
    async (path) => {
      expect((await get(path)).status).toBe(401);
      expect((await get(path, 'wrong')).status).toBe(401);
    },
  );
});

test('with the least token there is, the chart is told', async () => {
  const answer = await get('/v1/chart', TOKENS.reader);
  expect([answer.status, await answer.json()]).toEqual([200, chartStructure()]);
  const refused = await get('/v1/chart?version=1', TOKENS.reader);
  expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'invalid_request', field: 'version' }]);
});
