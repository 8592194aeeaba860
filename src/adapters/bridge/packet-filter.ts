import { z } from 'zod';
import type { Lease } from '../../actors/contracts/network.ts';
import type { CommandRunner } from './command-runner.ts';
import { failureOf, NetworkFailure } from './failure.ts';
import { bridgeAlias, TABLE, tapName } from './marks.ts';

/**
 * The packet filter: two tables of one name. The one of the family `bridge` lets through from a guest's tap only what
 * carries the guest's own hardware and network address. The one of `inet` makes the kernel track guests' connections (it
 * tracks none where no rule asks for it) and, when guests may reach beyond the host, hides them behind its address.
 * The first rule of each carries our mark; a table without it is somebody else's.
 */

export interface FilterPlan {
  readonly owner: string;
  readonly bridge: string;
  readonly range: string;
  readonly nat: boolean;
}

export const FAMILIES = ['bridge', 'inet'] as const;
export type Family = (typeof FAMILIES)[number];

export interface FoundTable {
  readonly state: 'missing' | 'ours' | 'foreign';
  /** Guests it lets through; empty unless it was read in full. */
  readonly guests: readonly Lease[];
}

type Command = Readonly<Record<string, unknown>>;

const TAPS = 'taps';
const GUESTS = 'guests';
/** Before anything else looks at a frame. */
const FILTER_PRIORITY = -300;
const NAT_PRIORITY = 100;

const meta = (key: string): Command => ({ meta: { key } });
const field = (protocol: string, name: string): Command => ({ payload: { protocol, field: name } });
const match = (op: string, left: Command, right: unknown): Command => ({ match: { op, left, right } });
const isGuest = (...fields: Command[]): Command => match('==', { concat: [meta('iifname'), ...fields] }, `@${GUESTS}`);

function place(family: Family, chain: string): Command {
  return { family, table: TABLE, chain };
}

function tableFor(family: Family, plan: FilterPlan): Command[] {
  return [{ add: { table: { family, name: TABLE } } }, ...(family === 'bridge' ? antiSpoofing(plan) : tracking(plan))];
}

function antiSpoofing({ owner }: FilterPlan): Command[] {
  const set = (name: string, type: unknown): Command => ({
    add: { set: { family: 'bridge', table: TABLE, name, type } },
  });
  const chain = { type: 'filter', hook: 'prerouting', prio: FILTER_PRIORITY, policy: 'accept' };
  const rule = (expr: Command[], comment?: string): Command => ({
    add: { rule: { ...place('bridge', 'from_guests'), ...(comment === undefined ? {} : { comment }), expr } },
  });
  const accept = { accept: null };
  return [
    set(TAPS, 'ifname'),
    set(GUESTS, ['ifname', 'ether_addr', 'ipv4_addr']),
    { add: { chain: { family: 'bridge', table: TABLE, name: 'from_guests', ...chain } } },
    rule([match('!=', meta('iifname'), `@${TAPS}`), accept], bridgeAlias(owner)),
    rule([isGuest(field('ether', 'saddr'), field('ip', 'saddr')), accept]),
    rule([
      isGuest(field('ether', 'saddr'), field('arp', 'saddr ip')),
      isGuest(field('arp', 'saddr ether'), field('arp', 'saddr ip')),
      accept,
    ]),
    rule([{ counter: null }, { drop: null }]),
  ];
}

function tracking({ owner, bridge, range, nat }: FilterPlan): Command[] {
  const [addr, length] = range.split('/');
  const chain = (name: string, about: Command): Command => ({
    add: { chain: { family: 'inet', table: TABLE, name, policy: 'accept', ...about } },
  });
  const rule = (name: string, expr: Command[], comment = bridgeAlias(owner)): Command => ({
    add: { rule: { ...place('inet', name), comment, expr } },
  });
  const isNew = match('in', { ct: { key: 'state' } }, 'new');
  const counted = { counter: null };
  const masquerade = [
    chain('beyond', { type: 'nat', hook: 'postrouting', prio: NAT_PRIORITY }),
    rule('beyond', [
      match('==', field('ip', 'saddr'), { prefix: { addr, len: Number(length) } }),
      match('!=', meta('oifname'), bridge),
      { masquerade: null },
    ]),
  ];
  return [
    chain('from_guests', { type: 'filter', hook: 'prerouting', prio: 0 }),
    rule('from_guests', [match('==', meta('iifname'), bridge), isNew, counted]),
    chain('from_host', { type: 'filter', hook: 'output', prio: 0 }),
    rule('from_host', [match('==', meta('oifname'), bridge), isNew, counted]),
    ...(nat ? masquerade : []),
  ];
}

function elementsOf({ instance, address, mac }: Lease): Command[] {
  const tap = tapName(instance);
  const element = (name: string, val: unknown): Command => ({
    family: 'bridge',
    table: TABLE,
    name,
    elem: [{ elem: { val, comment: instance } }],
  });
  return [element(TAPS, tap), element(GUESTS, { concat: [tap, mac, address] })];
}

async function apply(run: CommandRunner, commands: readonly Command[]): Promise<void> {
  const ran = await run('nft', ['-j', '-f', '-'], JSON.stringify({ nftables: commands }));
  if (ran.status !== 0) throw failureOf('nft', ran);
}

/** Makes the tables that are missing, with these guests, in one step. */
export async function makeTables(
  run: CommandRunner,
  plan: FilterPlan,
  families: readonly Family[],
  guests: readonly Lease[],
): Promise<void> {
  if (families.length === 0) return;
  const elements = families.includes('bridge') ? guests.flatMap(elementsOf) : [];
  await apply(run, [
    ...families.flatMap((family) => tableFor(family, plan)),
    ...elements.map((element) => ({ add: { element } })),
  ]);
}

/** Puts both tables as they should be in the place of those that are there, in one step: no packet slips in between. */
export async function replaceTables(run: CommandRunner, plan: FilterPlan, guests: readonly Lease[]): Promise<void> {
  await apply(run, [
    // What is not there cannot be removed; so each is added first.
    ...FAMILIES.flatMap((family) => {
      const table = { family, name: TABLE };
      return [{ add: { table } }, { delete: { table } }];
    }),
    ...FAMILIES.flatMap((family) => tableFor(family, plan)),
    ...guests.flatMap(elementsOf).map((element) => ({ add: { element } })),
  ]);
}

export async function admitGuest(run: CommandRunner, lease: Lease): Promise<void> {
  await apply(
    run,
    elementsOf(lease).map((element) => ({ add: { element } })),
  );
}

/** Idempotent: an element that is not there is added first, as it could not be removed otherwise. */
export async function dismissGuest(run: CommandRunner, lease: Lease): Promise<void> {
  const elements = elementsOf(lease);
  await apply(run, [
    ...elements.map((element) => ({ add: { element } })),
    ...elements.map((element) => ({ delete: { element } })),
  ]);
}

export async function removeTables(run: CommandRunner): Promise<void> {
  const tables = FAMILIES.map((family) => ({ family, name: TABLE }));
  await apply(run, [...tables.map((table) => ({ add: { table } })), ...tables.map((table) => ({ delete: { table } }))]);
}

const listingSchema = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const ruleSchema = z.object({ comment: z.string().optional() });
const setSchema = z.object({ name: z.string(), elem: z.array(z.unknown()).default([]) });
const guestSchema = z.object({
  elem: z.object({
    val: z.object({ concat: z.tuple([z.string(), z.string(), z.string()]) }),
    comment: z.string(),
  }),
});

function parseListing(stdout: string, owner: string): FoundTable {
  const items = listingSchema.parse(JSON.parse(stdout)).nftables;
  const isMarked = items.some((item) => ruleSchema.safeParse(item.rule).data?.comment === bridgeAlias(owner));
  const set = items.map((item) => setSchema.safeParse(item.set).data).find((one) => one?.name === GUESTS);
  const guests = (set?.elem ?? []).flatMap((element) => {
    const known = guestSchema.safeParse(element).data?.elem;
    if (known === undefined) return [];
    const [, mac, address] = known.val.concat;
    return [{ instance: known.comment, mac, address }];
  });
  return { state: isMarked ? 'ours' : 'foreign', guests };
}

/** Looks at a table; `full` reads its guests too. */
export async function findTable(
  run: CommandRunner,
  family: Family,
  owner: string,
  { full }: { full: boolean },
): Promise<FoundTable> {
  const ran = await run('nft', ['-j', ...(full ? [] : ['-t']), 'list', 'table', family, TABLE]);
  if (ran.status !== 0 && /no such file or directory/i.test(ran.stderr)) return { state: 'missing', guests: [] };
  if (ran.status !== 0) throw failureOf('nft', ran);
  try {
    return parseListing(ran.stdout, owner);
  } catch (error) {
    throw new NetworkFailure('network_failed', `nft printed what cannot be read: ${String(error).slice(0, 200)}`);
  }
}
