import { type IncomingMessage, request as startRequest } from 'node:http';
import { connect, type Socket, type TcpSocketConnectOpts } from 'node:net';
import { createSecureContext, type SecureContext, connect as tlsConnect } from 'node:tls';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { ProbeResult, Prober, ProbeTarget } from '../../actors/contracts/probe.ts';
import { openedAt, type Place, type ProbeAddress } from '../../actors/contracts/probe-address.ts';
import { type Asking, ask } from './asking.ts';
import { verdictOn } from './failures.ts';
import { authority, placeOf, unreachable } from './place.ts';
import { isConnectedToItself } from './self-connection.ts';

/** How much of a body is read, so that a workload can finish what it says, before the connection is closed. */
export const BODY_MAX_BYTES = 64 * 1024;
/** Status line and headers; an answer whose head is larger is not taken. */
export const HEAD_MAX_BYTES = 16 * 1024;
/** All that may come before the status: interim answers have heads of their own, and nothing limits how many there are. */
export const BEFORE_STATUS_MAX_BYTES = 64 * 1024;

export interface HttpProberOptions {
  readonly clock: Clock;
  /** Of this program, for the User-Agent. */
  readonly version: string;
  /** Certificates to trust instead of those that Node trusts, as PEM. */
  readonly trusted?: readonly string[];
  readonly probeAddress?: ProbeAddress;
}

type Answer = (result: ProbeResult) => void;
type HttpTarget = ProbeTarget<'http'>;

/**
 * Asks a path of the guest and compares the status. One connection for each probe, so that none is met by what an earlier
 * one left, and what accepts connections is asked too. Redirects are not followed: the 3xx is the status.
 */
export function createHttpProber({ clock, version, trusted, probeAddress = () => null }: HttpProberOptions): Prober {
  const headers = { 'User-Agent': `statevisor-probe/${version}`, Accept: '*/*' };
  let secureContext: SecureContext | undefined;
  const securely = (): SecureContext => {
    secureContext ??= createSecureContext(trusted === undefined ? {} : { ca: [...trusted] });
    return secureContext;
  };
  return {
    async probe(guest, { target, timeout_ms }, signal): Promise<ProbeResult> {
      if (target.type !== 'http') return { result: 'unavailable', error: `a ${target.type} check is not for HTTP` };
      const place = placeOf(guest, target.port);
      if (place === null) return { result: 'unavailable', error: unreachable(target.port) };
      const begin = (answer: Answer): Asking => {
        const at = openedAt(place, probeAddress);
        const socket = target.scheme === 'https' ? secured(at, target, securely()) : connect(at);
        return requestOnce(socket, { place, target, headers }, answer);
      };
      return ask({ clock, timeoutMs: timeout_ms, signal, begin });
    },
  };
}

/** Without a server name: guests are asked at addresses, and the certificate has to be for the address. */
function secured(at: TcpSocketConnectOpts, { tls_verify }: HttpTarget, secureContext: SecureContext): Socket {
  const ALPNProtocols = ['http/1.1'];
  const rejectUnauthorized = tls_verify !== false;
  return tlsConnect({ ...at, secureContext, rejectUnauthorized, ALPNProtocols });
}

interface Asked {
  readonly place: Place;
  readonly target: HttpTarget;
  readonly headers: Readonly<Record<string, string>>;
}

function requestOnce(socket: Socket, { place, target, headers }: Asked, answer: Answer): Asking {
  /** How far it came: what is said when the time is up. */
  let reached: 'nothing' | 'connection' | ProbeResult = 'nothing';
  const request = startRequest({
    createConnection: () => socket,
    method: 'GET',
    path: requestTarget(target.path),
    headers: { Host: authority(place, target.scheme), ...headers },
    maxHeaderSize: HEAD_MAX_BYTES,
  });
  // Of TLS too: this is when the guest has taken the connection.
  socket.once('connect', () => {
    reached = 'connection';
    if (isConnectedToItself(socket)) answer({ result: 'failed', error: 'connection refused' });
  });
  request.on('response', (response) => {
    // Nothing that comes after the status changes it, neither an end that does not come nor a reset.
    const verdict = compare(response, target);
    reached = verdict;
    readBody(response, () => answer(verdict));
  });
  // Once the request reads from it, so that what has come is understood before it is counted.
  request.once('socket', () => {
    let bytes = 0;
    socket.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      const isTooMuch = reached === 'connection' && bytes > BEFORE_STATUS_MAX_BYTES;
      if (isTooMuch) answer({ result: 'failed', error: 'no status in all that came' });
    });
  });
  // A status of 101 is final too; whatever else begins with 1 is followed by another one, and passed over.
  request.on('upgrade', (response) => answer(compare(response, target)));
  request.on('error', (error) => {
    if (typeof reached === 'string') answer(verdictOn(error, reached === 'connection'));
    else answer(reached);
  });
  request.end();
  return {
    atDeadline: () => {
      if (reached === 'nothing') return { result: 'failed', error: 'no connection in time' };
      return reached === 'connection' ? { result: 'failed', error: 'no status in time' } : reached;
    },
    end: () => {
      request.destroy();
      socket.destroy();
    },
  };
}

function compare({ statusCode }: IncomingMessage, { expected_status }: HttpTarget): ProbeResult {
  if (statusCode === expected_status) return { result: 'passed' };
  return { result: 'failed', error: `expected status ${expected_status}, got ${statusCode}` };
}

function readBody(response: IncomingMessage, done: () => void): void {
  let bytes = 0;
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes >= BODY_MAX_BYTES) done();
  });
  response.on('end', done);
  response.on('error', done);
  response.on('close', done);
}

/** What a request line cannot hold: everything but the visible characters of ASCII, and the mark of a fragment. */
const NOT_IN_A_REQUEST_LINE = /[^\x21-\x7e]|#/gu;

/** The path and its query as they were written; what cannot be sent so is escaped, and nothing else. */
function requestTarget(path: string): string {
  return path.toWellFormed().replace(NOT_IN_A_REQUEST_LINE, (character) => encodeURIComponent(character));
}
