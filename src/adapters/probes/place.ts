import { isIPv6, type TcpSocketConnectOpts } from 'node:net';
import type { ProbedGuest } from '../../actors/contracts/probe.ts';

/** Where a port of a guest is reached from this host. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** The connection ends at the VMM, which makes one of its own to the guest. */
  readonly isForwarded: boolean;
}

/** The address of this host from which only probes come, by which they are told from what others say; null: none. */
export type ProbeAddress = () => string | null;

/** What a socket is opened with. */
export function openedAt({ host, port, isForwarded }: Place, probeAddress: ProbeAddress): TcpSocketConnectOpts {
  const localAddress = isForwarded ? null : probeAddress();
  return localAddress === null ? { host, port } : { host, port, localAddress };
}

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
