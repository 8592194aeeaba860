import type { Protocol } from '../../actors/contracts/counted-connections.ts';

/** Protocols over IP, as the kernel numbers them. */
export const IP_PROTOCOL = { tcp: 6, udp: 17, dccp: 33, gre: 47, sctp: 132, udplite: 136 } as const;

/** ICMP and ICMPv6: pings and errors are no connections. */
const NO_CONNECTIONS: readonly number[] = [1, 58];
const NAMES = new Map<number, Protocol>(
  Object.entries(IP_PROTOCOL).map(([name, number]) => [number, name as keyof typeof IP_PROTOCOL]),
);
const WITH_PORTS: readonly Protocol[] = ['tcp', 'udp', 'dccp', 'sctp', 'udplite'];

/** Null: what is said over it is no connection. */
export function protocolOf(number: number): Protocol | null {
  if (NO_CONNECTIONS.includes(number)) return null;
  return NAMES.get(number) ?? `protocol-${number}`;
}

export function numberOf(protocol: Protocol): number {
  return protocol in IP_PROTOCOL
    ? IP_PROTOCOL[protocol as keyof typeof IP_PROTOCOL]
    : Number(protocol.slice('protocol-'.length));
}

/** An entry of such a one without ports cannot be understood; others have none, or a key in their place. */
export function hasPorts(protocol: Protocol): boolean {
  return WITH_PORTS.includes(protocol);
}
