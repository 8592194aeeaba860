import { connect, type Socket } from 'node:net';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { ProbeResult, Prober } from '../../actors/contracts/probe.ts';
import { openedAt, type Place, type ProbeAddress } from '../../actors/contracts/probe-address.ts';
import { type Asking, ask } from './asking.ts';
import { verdictOn } from './failures.ts';
import { placeOf, unreachable } from './place.ts';
import { isConnectedToItself } from './self-connection.ts';

/**
 * How long a connection to a forwarded port has to stand. A VMM accepts it before it asks the guest, and closes it when
 * the guest refuses: that takes a round trip, and under emulation tens of milliseconds.
 */
export const FORWARDED_STANDS_MS = 250;

export interface TcpProberOptions {
  readonly clock: Clock;
  readonly probeAddress?: ProbeAddress;
}

/** Asks whether a port of the guest accepts connections. Nothing is sent. */
export function createTcpProber({ clock, probeAddress = () => null }: TcpProberOptions): Prober {
  return {
    async probe(guest, { target, timeout_ms }, signal): Promise<ProbeResult> {
      if (target.type !== 'tcp') return { result: 'unavailable', error: `a ${target.type} check is not for TCP` };
      const place = placeOf(guest, target.port);
      if (place === null) return { result: 'unavailable', error: unreachable(target.port) };
      const begin = (answer: (result: ProbeResult) => void): Asking => {
        const socket = connect(openedAt(place, probeAddress));
        return watchOnce(clock, { socket, isForwarded: place.isForwarded }, answer);
      };
      return ask({ clock, timeoutMs: timeout_ms, signal, begin });
    },
  };
}

const PASSED: ProbeResult = { result: 'passed' };
const CLOSED_AT_ONCE: ProbeResult = {
  result: 'failed',
  error: 'the forwarded connection was closed at once: nothing in the guest accepted it',
};

interface Opened {
  readonly socket: Socket;
  readonly isForwarded: Place['isForwarded'];
}

function watchOnce(clock: Clock, { socket, isForwarded }: Opened, answer: (result: ProbeResult) => void): Asking {
  let stood = false;
  let stopWaiting = (): void => {};
  socket.once('connect', () => {
    if (isConnectedToItself(socket)) {
      answer({ result: 'failed', error: 'connection refused' });
      return;
    }
    stood = true;
    if (!isForwarded) {
      answer(PASSED);
      return;
    }
    stopWaiting = clock.after(FORWARDED_STANDS_MS, () => answer(PASSED));
    socket.once('data', () => answer(PASSED));
    socket.once('end', () => answer(CLOSED_AT_ONCE));
  });
  socket.on('error', (error) => answer(stood ? CLOSED_AT_ONCE : verdictOn(error, false)));
  return {
    atDeadline: () => (stood ? PASSED : { result: 'failed', error: 'no connection in time' }),
    end: () => {
      stopWaiting();
      socket.destroy();
    },
  };
}
