import { z } from 'zod';
import type { Lease } from '../../actors/contracts/network.ts';
import type { CommandRunner } from './command-runner.ts';
import { failureOf, NetworkFailure } from './failure.ts';
import {
  admission,
  type Command,
  dismissal,
  field,
  GUESTS,
  GUESTS6,
  match,
  meta,
  NEIGHBOURS,
  TAPS,
} from './guest-entries.ts';
import { bridgeAlias, TABLE } from './marks.ts';

/**
 * The packet filter: two tables of one name. The one of the family `bridge` lets through from a guest's tap only what
 * carries the guest's own hardware and network addresses. The one of `inet` makes the kernel track guests' connections (it
 * tracks none where no rule asks for it), counts what some other rule has exempted from that and, when guests may reach
 * beyond the host, hides them behind its address.
 * The first rule of each carries our mark; a table without it is somebody else's.
 */

export interface FilterPlan {
  readonly owner: string;
  readonly bridge: string;
  readonly range: string;
  readonly range6: string | null;
  readonly nat: boolean;
}

/** A plan with what the kernel's setting was before this network changed it; stands in a comment of the table. */
export interface TablePlan extends FilterPlan {
  readonly eventsBefore: string | null;
  /** Whether the kernel can track connections where frames go from port to port, and is to do so. */
  readonly tracksPorts: boolean;
}

export const FAMILIES = ['bridge', 'inet'] as const;
export type Family = (typeof FAMILIES)[number];

export interface FoundTable {
  readonly state: 'missing' | 'ours' | 'foreign';
  /** Guests it lets through; empty unless it was read in full. */
  readonly guests: readonly Lease[];
  /** What stands in it about the time before it; null when nothing does. */
  readonly eventsBefore: string | null;
  /** Packets from and to guests that the kernel was told not to track, since the table was made. */
  readonly untracked: number;
}

/** Before anything else looks at a frame. */
const FILTER_PRIORITY = -300;
const AFTER_TRACKING_PRIORITY = -190;
const NAT_PRIORITY = 100;
/** Comment of the rules that count what is not tracked. */
const UNTRACKED = 'untracked';

const EVENTS_BEFORE = 'nf_conntrack_events was ';

const isIn = (set: string, ...fields: Command[]): Command =>
  match('==', { concat: [meta('iifname'), ...fields] }, `@${set}`);
const saysOverIpv6 = (...kinds: string[]): Command => match('==', field('icmpv6', 'type'), { set: kinds });

function place(family: Family, chain: string): Command {
  return { family, table: TABLE, chain };
}

function tableFor(family: Family, plan: TablePlan): Command[] {
  return [{ add: { table: { family, name: TABLE } } }, ...(family === 'bridge' ? antiSpoofing(plan) : tracking(plan))];
}

function antiSpoofing({ owner, tracksPorts }: TablePlan): Command[] {
  const set = (name: string, ...type: string[]): Command => ({
    add: { set: { family: 'bridge', table: TABLE, name, type: type.length === 1 ? type[0] : type } },
  });
  const chain = { type: 'filter', hook: 'prerouting', prio: FILTER_PRIORITY, policy: 'accept' };
  const rule = (expr: Command[], comment?: string): Command => ({
    add: { rule: { ...place('bridge', 'from_guests'), ...(comment === undefined ? {} : { comment }), expr } },
  });
  const accept = { accept: null };
  const dropped = [{ counter: null }, { drop: null }];
  return [
    set(TAPS, 'ifname'),
    set(GUESTS, 'ifname', 'ether_addr', 'ipv4_addr'),
    set(GUESTS6, 'ifname', 'ether_addr', 'ipv6_addr'),
    { add: { map: { family: 'bridge', table: TABLE, name: NEIGHBOURS, type: 'ifname', map: 'verdict' } } },
    { add: { chain: { family: 'bridge', table: TABLE, name: 'from_guests', ...chain } } },
    rule([match('!=', meta('iifname'), `@${TAPS}`), accept], bridgeAlias(owner)),
    rule([isIn(GUESTS, field('ether', 'saddr'), field('ip', 'saddr')), accept]),
    rule([
      isIn(GUESTS, field('ether', 'saddr'), field('arp', 'saddr ip')),
      isIn(GUESTS, field('arp', 'saddr ether'), field('arp', 'saddr ip')),
      accept,
    ]),
    // No guest is anybody's router, and each answers for its own addresses alone.
    rule([saysOverIpv6('nd-router-advert', 'nd-redirect'), ...dropped]),
    rule([saysOverIpv6('nd-neighbor-advert'), { vmap: { key: meta('iifname'), data: `@${NEIGHBOURS}` } }]),
    rule([isIn(GUESTS6, field('ether', 'saddr'), field('ip6', 'saddr')), accept]),
    rule(dropped),
    ...(tracksPorts ? trackedPorts() : []),
  ];
}

/** Any rule that asks for the state of a connection makes the kernel track what goes from guest to guest. */
function trackedPorts(): Command[] {
  const chain = { type: 'filter', hook: 'prerouting', prio: AFTER_TRACKING_PRIORITY, policy: 'accept' };
  const expr = [match('in', { ct: { key: 'state' } }, 'new'), { counter: null }];
  return [
    { add: { chain: { family: 'bridge', table: TABLE, name: 'between_guests', ...chain } } },
    { add: { rule: { ...place('bridge', 'between_guests'), expr } } },
  ];
}

function tracking({ owner, bridge, range, nat, eventsBefore }: TablePlan): Command[] {
  const [addr, length] = range.split('/');
  const chain = (name: string, about: Command): Command => ({
    add: { chain: { family: 'inet', table: TABLE, name, policy: 'accept', ...about } },
  });
  const rule = (name: string, expr: Command[], comment = bridgeAlias(owner)): Command => ({
    add: { rule: { ...place('inet', name), comment, expr } },
  });
  const isNew = match('in', { ct: { key: 'state' } }, 'new');
  const counted = { counter: null };
  // Neighbours are looked for by ICMPv6, which no kernel tracks.
  const isUntracked = [
    match('in', { ct: { key: 'state' } }, 'untracked'),
    match('==', meta('l4proto'), { set: ['tcp', 'udp'] }),
    counted,
  ];
  const note = eventsBefore === null ? undefined : `${EVENTS_BEFORE}${eventsBefore}`;
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
    rule('from_guests', [match('==', meta('iifname'), bridge), ...isUntracked], UNTRACKED),
    chain('from_host', { type: 'filter', hook: 'output', prio: 0 }),
    rule('from_host', [match('==', meta('oifname'), bridge), isNew, counted], note),
    chain('to_guests', { type: 'filter', hook: 'postrouting', prio: 0 }),
    rule('to_guests', [match('==', meta('oifname'), bridge), ...isUntracked], UNTRACKED),
    ...(nat ? masquerade : []),
  ];
}

async function apply(run: CommandRunner, commands: readonly Command[]): Promise<void> {
  const ran = await run('nft', ['-j', '-f', '-'], JSON.stringify({ nftables: commands }));
  if (ran.status !== 0) throw failureOf('nft', ran);
}

/** Makes the tables that are missing, with these guests, in one step. */
export async function makeTables(
  run: CommandRunner,
  plan: TablePlan,
  families: readonly Family[],
  guests: readonly Lease[],
): Promise<void> {
  if (families.length === 0) return;
  const admitted = families.includes('bridge') ? guests : [];
  await apply(run, [
    ...families.flatMap((family) => tableFor(family, plan)),
    ...admitted.flatMap((guest) => admission(guest, plan)),
  ]);
}

/** Puts both tables as they should be in the place of those that are there, in one step: no packet slips in between. */
export async function replaceTables(run: CommandRunner, plan: TablePlan, guests: readonly Lease[]): Promise<void> {
  await apply(run, [
    // What is not there cannot be removed; so each is added first.
    ...FAMILIES.flatMap((family) => {
      const table = { family, name: TABLE };
      return [{ add: { table } }, { delete: { table } }];
    }),
    ...FAMILIES.flatMap((family) => tableFor(family, plan)),
    ...guests.flatMap((guest) => admission(guest, plan)),
  ]);
}

export async function admitGuest(run: CommandRunner, plan: FilterPlan, lease: Lease): Promise<void> {
  await apply(run, admission(lease, plan));
}

/** Idempotent. */
export async function dismissGuest(run: CommandRunner, plan: FilterPlan, lease: Lease): Promise<void> {
  await apply(run, dismissal(lease, plan));
}

export async function removeTables(run: CommandRunner): Promise<void> {
  const tables = FAMILIES.map((family) => ({ family, name: TABLE }));
  await apply(run, [...tables.map((table) => ({ add: { table } })), ...tables.map((table) => ({ delete: { table } }))]);
}

const listingSchema = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });
const ruleSchema = z.object({ comment: z.string().optional(), expr: z.array(z.unknown()).default([]) });
const counterSchema = z.object({ counter: z.object({ packets: z.int() }) });
const setSchema = z.object({ name: z.string(), elem: z.array(z.unknown()).default([]) });
const guestSchema = z.object({
  elem: z.object({
    val: z.object({ concat: z.tuple([z.string(), z.string(), z.string()]) }),
    comment: z.string(),
  }),
});

function parseListing(stdout: string, owner: string): FoundTable {
  const items = listingSchema.parse(JSON.parse(stdout)).nftables;
  const rules = items.flatMap((item) => ruleSchema.safeParse(item.rule).data ?? []);
  const comments = rules.map(({ comment }) => comment);
  const packets = rules
    .filter(({ comment }) => comment === UNTRACKED)
    .flatMap(({ expr }) => expr.map((part) => counterSchema.safeParse(part).data?.counter.packets ?? 0));
  const isMarked = comments.includes(bridgeAlias(owner));
  const note = comments.find((comment) => comment?.startsWith(EVENTS_BEFORE) === true);
  const set = items.map((item) => setSchema.safeParse(item.set).data).find((one) => one?.name === GUESTS);
  const guests = (set?.elem ?? []).flatMap((element) => {
    const known = guestSchema.safeParse(element).data?.elem;
    if (known === undefined) return [];
    const [, mac, address] = known.val.concat;
    return [{ instance: known.comment, mac, address }];
  });
  const eventsBefore = note?.slice(EVENTS_BEFORE.length) ?? null;
  const untracked = packets.reduce((sum, count) => sum + count, 0);
  return { state: isMarked ? 'ours' : 'foreign', guests, eventsBefore, untracked };
}

/** Looks at a table; `full` reads its guests too. */
export async function findTable(
  run: CommandRunner,
  family: Family,
  owner: string,
  { full }: { full: boolean },
): Promise<FoundTable> {
  const ran = await run('nft', ['-j', ...(full ? [] : ['-t']), 'list', 'table', family, TABLE]);
  if (ran.status !== 0 && /no such file or directory/i.test(ran.stderr))
    return { state: 'missing', guests: [], eventsBefore: null, untracked: 0 };
  if (ran.status !== 0) throw failureOf('nft', ran);
  try {
    return parseListing(ran.stdout, owner);
  } catch (error) {
    throw new NetworkFailure('network_failed', `nft printed what cannot be read: ${String(error).slice(0, 200)}`);
  }
}
