import type { TcpSocketConnectOpts } from 'node:net';

/** Where a port of a guest is reached from this host. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** The connection ends at the VMM, which makes one of its own to the guest. */
  readonly isForwarded: boolean;
}

/** The address of this host from which only the daemon itself asks guests, by which that is told from what others say; null: none. */
export type ProbeAddress = () => string | null;

/** What a socket is opened with that asks a guest and is no traffic. */
export function openedAt({ host, port, isForwarded }: Place, probeAddress: ProbeAddress): TcpSocketConnectOpts {
  const localAddress = isForwarded ? null : probeAddress();
  return localAddress === null ? { host, port } : { host, port, localAddress };
}
