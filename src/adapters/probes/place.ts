import { isIPv6 } from 'node:net';
import type { ProbedGuest } from '../../actors/contracts/probe.ts';
import type { Place } from '../../actors/contracts/probe-address.ts';

/** VMMs forward from here alone (src/adapters/qemu/command-line.ts). */
const FORWARDED_HOST = '127.0.0.1';

/** Null when the guest has neither an address nor a forward to this port. */
export function placeOf({ address, ports }: ProbedGuest, guestPort: number): Place | null {
  if (address !== null) return { host: address, port: guestPort, isForwarded: false };
  const forward = ports.find((port) => port.guest_port === guestPort);
  return forward === undefined ? null : { host: FORWARDED_HOST, port: forward.host_port, isForwarded: true };
}

export function unreachable(guestPort: number): string {
  return `port ${guestPort} cannot be asked: the guest has no address of its own, and no port of this host is forwarded to it`;
}

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** The address and port as a URL and the Host header have them. */
export function authority({ host, port }: Place, scheme: 'http' | 'https'): string {
  const written = isIPv6(host) ? `[${host}]` : host;
  return port === DEFAULT_PORTS[scheme] ? written : `${written}:${port}`;
}
