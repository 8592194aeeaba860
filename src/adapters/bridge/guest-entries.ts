import { groups6, linkLocal } from '../../actors/contracts/address6.ts';
import type { Lease } from '../../actors/contracts/network.ts';
import { TABLE, tapName } from './marks.ts';
import { addressesOf } from './site.ts';

/** What the packet filter holds of one guest, in the words of `nft --json`, and how it is put there and taken away. */

export type Command = Readonly<Record<string, unknown>>;

export const meta = (key: string): Command => ({ meta: { key } });
export const field = (protocol: string, name: string): Command => ({ payload: { protocol, field: name } });
export const match = (op: string, left: Command, right: unknown): Command => ({ match: { op, left, right } });

export const TAPS = 'taps';
export const GUESTS = 'guests';
export const GUESTS6 = 'guests6';
/** By tap, the chain that looks at what its guest says of whose an IPv6 address is; the chain is called like the tap. */
export const NEIGHBOURS = 'neighbours';

/** Where the address stands that a neighbour advertisement speaks of, behind the header of ICMPv6. */
const ADVERTISED = { payload: { base: 'th', offset: 64, len: 128 } };

interface Plan {
  readonly range6: string | null;
}

/** Idempotent, also when the guest has been let through with another address before. */
export function admission(lease: Lease, plan: Plan): Command[] {
  const elements = elementsOf(lease, plan).map((element) => ({ add: { element } }));
  return plan.range6 === null ? elements : [...chainOf(lease, plan), ...elements];
}

/** Idempotent: what is not there is added first, as it could not be removed otherwise. */
export function dismissal(lease: Lease, plan: Plan): Command[] {
  const elements = elementsOf(lease, plan);
  const removed = elements.map((element) => ({ delete: { element } }));
  if (plan.range6 === null) return [...elements.map((element) => ({ add: { element } })), ...removed];
  const chain = chainNamed(tapName(lease.instance));
  return [...admission(lease, plan), ...removed, { flush: { chain } }, { delete: { chain } }];
}

/** Its own, and the one that every device gives itself for talking to its neighbours. */
function addresses6Of({ address, mac }: Lease, plan: Plan): string[] {
  return [...addressesOf(address, plan).slice(1), linkLocal(mac)];
}

function elementsOf(lease: Lease, plan: Plan): Command[] {
  const { instance, address, mac } = lease;
  const tap = tapName(instance);
  const element = (name: string, ...vals: unknown[]): Command => ({
    family: 'bridge',
    table: TABLE,
    name,
    elem: vals.map((val) => ({ elem: { val, comment: instance } })),
  });
  const always = [element(TAPS, tap), element(GUESTS, { concat: [tap, mac, address] })];
  if (plan.range6 === null) return always;
  const own6 = addresses6Of(lease, plan).map((address6) => ({ concat: [tap, mac, address6] }));
  const advertised = {
    family: 'bridge',
    table: TABLE,
    name: NEIGHBOURS,
    elem: [[tap, { jump: { target: tap } }]],
  };
  return [...always, element(GUESTS6, ...own6), advertised];
}

function chainNamed(name: string): Command {
  return { family: 'bridge', table: TABLE, name };
}

function chainOf(lease: Lease, plan: Plan): Command[] {
  const chain = chainNamed(tapName(lease.instance));
  const own = addresses6Of(lease, plan).map(numberOf);
  const expr = [match('!=', ADVERTISED, { set: own }), { counter: null }, { drop: null }];
  return [
    { add: { chain } },
    { flush: { chain } },
    { add: { rule: { family: 'bridge', table: TABLE, chain: chain.name, expr } } },
  ];
}

/** All 128 bits as one number, which is how `nft` compares a stretch of a packet that it has no name for. */
function numberOf(address6: string): string {
  const groups = groups6(address6).map((group) => group.padStart(4, '0'));
  return `0x${groups.join('')}`;
}
