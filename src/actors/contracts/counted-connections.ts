import { BlockList, isIPv6 } from 'node:net';
import type { AutoStandby } from '../../../machines/policies.ts';

/**
 * Which entries of a table of connections count as somebody talking to a guest. One rule for every source, real or
 * simulated, and the same wherever in a source it is asked: of an event, of a dump, of what is shown.
 */

/** By name where it has one here, else by the number that the kernel has for it. */
export type Protocol = 'tcp' | 'udp' | 'udplite' | 'sctp' | 'dccp' | 'gre' | `protocol-${number}`;

/** One direction of a connection. Addresses in canonical text, IPv4 or IPv6. */
export interface Endpoints {
  readonly source: string;
  readonly source_port: number;
  readonly destination: string;
  readonly destination_port: number;
}

/** One entry as the kernel keeps it. Where addresses are translated only the reply tells which guest answers. */
export interface TableEntry {
  readonly protocol: Protocol;
  readonly original: Pick<Endpoints, 'source' | 'source_port'>;
  readonly reply: Pick<Endpoints, 'source' | 'source_port'>;
  /** The kernel's number of the TCP state; null for all but TCP, and where an event leaves it out. */
  readonly tcp_state: number | null;
}

/** Names of the kernel's TCP states, by their numbers. */
export const TCP_STATES = [
  'NONE',
  'SYN_SENT',
  'SYN_RECV',
  'ESTABLISHED',
  'FIN_WAIT',
  'CLOSE_WAIT',
  'LAST_ACK',
  'TIME_WAIT',
  'CLOSE',
  'SYN_SENT2',
  'IGNORE',
  'RETRANS',
] as const;

/** All others count, also numbers that no kernel has used yet: what is unknown keeps a guest awake. */
const OVER: readonly number[] = [
  TCP_STATES.indexOf('NONE'),
  TCP_STATES.indexOf('TIME_WAIT'),
  TCP_STATES.indexOf('CLOSE'),
];

/** What is shown of the state of an entry. */
export function stateName({ protocol, tcp_state: state }: TableEntry): string {
  if (protocol !== 'tcp') return protocol.toUpperCase();
  return state === null ? 'unknown' : (TCP_STATES[state] ?? `state ${state}`);
}

/**
 * A half-open connection counts, and so does one of which only one side is closed. Whatever is not TCP counts while its
 * entry lasts.
 */
export function isLive({ protocol, tcp_state: state }: TableEntry): boolean {
  return protocol !== 'tcp' || state === null || !OVER.includes(state);
}

/** Whether an entry counts, given that its reply comes from one of the guest's addresses. */
export type Counts = (entry: TableEntry) => boolean;

/** What of a policy says which connections count. */
export type CountingRules = Pick<AutoStandby, 'ignore_source_cidrs' | 'ignore_destination_ports'>;

/**
 * The rule for one guest, made once for each policy. `ignoredSources`: addresses that only the daemon itself speaks
 * from, to probe. Nothing else is exempt: not the host, not its other guests.
 */
export function countedUnder(policy: CountingRules, ignoredSources: readonly string[] = []): Counts {
  const ports = new Set(policy.ignore_destination_ports ?? []);
  const sources = sourceList();
  for (const cidr of policy.ignore_source_cidrs ?? []) {
    const [address = '', prefix = ''] = cidr.split('/');
    sources.addSubnet(address, Number(prefix), familyOf(address));
  }
  for (const address of ignoredSources) sources.addAddress(address, familyOf(address));
  return (entry) => {
    const { source } = entry.original;
    return isLive(entry) && !ports.has(entry.reply.source_port) && !sources.check(source, familyOf(source));
  };
}

type Family = 'ipv4' | 'ipv6';

interface SourceList {
  addSubnet(address: string, bits: number, family: Family): void;
  addAddress(address: string, family: Family): void;
  check(address: string, family: Family): boolean;
}

/** The part of IPv6 that stands for the addresses of IPv4. */
const MAPPED_BITS = 96;
const MAPPED = new BlockList();
MAPPED.addSubnet('::ffff:0:0', MAPPED_BITS, 'ipv6');

/**
 * Addresses by family. In one list of the platform an IPv4 address is found under every network of IPv6 that holds its
 * mapped form: whoever ignores `::/0` would ignore everybody.
 */
function sourceList(): SourceList {
  const [v4, v6] = [new BlockList(), new BlockList()];
  const listOf = (address: string, bits: number): BlockList =>
    isIPv6(address) && !(bits >= MAPPED_BITS && MAPPED.check(address, 'ipv6')) ? v6 : v4;
  return {
    addSubnet: (address, bits, family) => listOf(address, bits).addSubnet(address, bits, family),
    addAddress: (address, family) => listOf(address, MAPPED_BITS).addAddress(address, family),
    check: (address, family) => listOf(address, MAPPED_BITS).check(address, family),
  };
}

function familyOf(address: string): Family {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
