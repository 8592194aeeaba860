import { createServer, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { busyPorts } from '../../../src/cli/daemon/busy-ports.ts';

async function listening(host: string): Promise<{ readonly server: Server; readonly port: number }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address !== null ? address.port : 0 };
}

test('a port is busy for as long as somebody listens on it, over IPv4 or IPv6', async () => {
  const [four, six] = await Promise.all([listening('127.0.0.1'), listening('::1')]);
  expect(busyPorts()).toContain(four.port);
  expect(busyPorts()).toContain(six.port);
  await Promise.all([four, six].map(({ server }) => new Promise((resolve) => server.close(resolve))));
  expect(busyPorts()).not.toContain(four.port);
});

test('what cannot be read keeps no port', () => {
  expect(busyPorts(['/proc/net/no-such-table'])).toEqual(new Set());
});
