import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { fileURLToPath } from 'node:url';
import type { ProbedGuest } from '../../../src/actors/contracts/probe.ts';

/** A workload of a guest, as its sockets look from the host: it does with each connection what it is told to. */
export interface GuestServer {
  readonly port: number;
  /** Reached as a guest with an address of its own. */
  readonly bridged: ProbedGuest;
  /** Reached through a forward from this host to the guest's port `FORWARDED_PORT`. */
  readonly forwarded: ProbedGuest;
  asked(): number;
  open(): number;
  /** Everything that was sent to it. */
  heard(): string;
  close(): Promise<void>;
}

export type Behaviour = (socket: Socket, heard: string) => void;

export interface GuestServerOptions {
  readonly host?: string;
  readonly port?: number;
  /** Name of its certificate in test/adapters/probes/certificates, when it speaks TLS. */
  readonly certificate?: string;
  /** Called once for each connection, `at` its beginning, or when a whole request was heard. */
  readonly at?: 'connection' | 'request';
  readonly does: Behaviour;
}

export const FORWARDED_PORT = 8_080;

export function certificate(name: string): string {
  return readFileSync(fileURLToPath(new URL(`./certificates/${name}.pem`, import.meta.url)), 'utf8');
}

export async function startGuestServer(options: GuestServerOptions): Promise<GuestServer> {
  const { host = '127.0.0.1', port: wanted = 0, at = 'request', does } = options;
  const sockets = new Set<Socket>();
  let asked = 0;
  let heard = '';
  const take = (socket: Socket): void => {
    let request = '';
    if (at === 'connection') does(socket, '');
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      const isWholeBefore = request.includes('\r\n\r\n');
      request += bytes.toString('latin1');
      if (at === 'request' && !isWholeBefore && request.includes('\r\n\r\n')) does(socket, request);
    });
    // Whoever closes in the middle of an answer is not the workload's trouble.
    socket.on('error', () => undefined);
  };
  const server: Server =
    options.certificate === undefined
      ? createServer(take)
      : createTlsServer({ key: certificate('key'), cert: certificate(options.certificate) }, take);
  server.on('connection', (socket: Socket) => {
    asked += 1;
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    bridged: { instance: 'guest', run: 1, address: host, ports: [] },
    forwarded: { instance: 'guest', run: 1, address: null, ports: [{ host_port: port, guest_port: FORWARDED_PORT }] },
    asked: () => asked,
    open: () => sockets.size,
    heard: () => heard,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Nobody can be asked: neither an address, nor a forward. */
export const UNREACHABLE: ProbedGuest = { instance: 'guest', run: 1, address: null, ports: [] };

/** A port of this host on which nothing listens. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const server = createServer().listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
