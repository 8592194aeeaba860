import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, writeFileSync } from 'node:fs';
import { createServer, type Http2Server } from 'node:http2';
import { createServer as createTcpServer } from 'node:net';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import * as restate from '@restatedev/restate-sdk';
import * as clients from '@restatedev/restate-sdk-clients';
import { clock } from '../measure.ts';
import { drive, type Peer } from './peer.ts';

const READY_MAX_MS = 60_000;
const LOOK_MS = 200;

const counter = restate.object({
  name: 'counter',
  handlers: {
    increment: async (ctx: restate.ObjectContext, by: number): Promise<number> => {
      const next = ((await ctx.get<number>('value')) ?? 0) + by;
      ctx.set('value', next);
      return next;
    },
  },
});

async function freePort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(url: string, init: RequestInit, child: ChildProcess): Promise<void> {
  const limit = clock.monotonic() + READY_MAX_MS;
  for (let last = 'no answer'; ; await clock.sleep(LOOK_MS)) {
    const answer = await fetch(url, init).catch((error: unknown) => error as Error);
    if (!(answer instanceof Error)) {
      if (answer.ok) return;
      last = `${answer.status} ${await answer.text()}`;
    }
    if (child.exitCode !== null) throw new Error(`restate-server ended with ${child.exitCode}`);
    if (clock.monotonic() > limit) throw new Error(`restate-server is not ready: ${last}`);
  }
}

/** One call of a virtual object that reads and sets one number, over the server's HTTP ingress. */
export async function openRestate(place: string): Promise<Peer> {
  const [ingress, admin, node] = [await freePort(), await freePort(), await freePort()];
  const config = join(place, 'restate.toml');
  writeFileSync(
    config,
    [
      'node-name = "bench"',
      `base-dir = ${JSON.stringify(join(place, 'data'))}`,
      'disable-telemetry = true',
      'listen-mode = "tcp"',
      `bind-address = "127.0.0.1:${node}"`,
      `advertised-address = "http://127.0.0.1:${node}/"`,
      '[ingress]',
      `bind-address = "127.0.0.1:${ingress}"`,
      '[admin]',
      `bind-address = "127.0.0.1:${admin}"`,
      '[log-server]',
      'rocksdb-disable-wal-fsync = false',
      '',
    ].join('\n'),
  );
  const require = createRequire(import.meta.url);
  const binary = require.resolve(`@restatedev/restate-server-${process.platform}-${process.arch}/bin/restate-server`);
  const child = spawn(binary, ['-c', config], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = createWriteStream(join(place, 'server.log'));
  child.stdout.pipe(output);
  child.stderr.pipe(output);
  process.once('exit', () => child.kill('SIGKILL'));
  const endpoint: Http2Server = createServer(restate.createEndpointHandler({ services: [counter] }) as never);
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  const { port } = endpoint.address() as AddressInfo;
  await until(`http://127.0.0.1:${admin}/health`, {}, child);
  const body = JSON.stringify({ uri: `http://127.0.0.1:${port}`, force: true });
  const headers = { 'content-type': 'application/json' };
  await until(`http://127.0.0.1:${admin}/deployments`, { method: 'POST', headers, body }, child);
  const client = clients.connect({ url: `http://127.0.0.1:${ingress}` });
  const change = (key: number): Promise<number> =>
    client.objectClient<typeof counter>({ name: 'counter' }, String(key)).increment(1) as Promise<number>;
  await change(0);
  return {
    name: 'restate',
    durability: 'over HTTP; one node, log-server.rocksdb-disable-wal-fsync = false: the log is synced',
    changesPerSecond: (inFlight, ms) => drive(inFlight, ms, change),
    close: async () => {
      endpoint.close();
      child.kill('SIGKILL');
    },
  };
}
