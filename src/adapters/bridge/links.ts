import { z } from 'zod';
import type { CommandRunner } from './command-runner.ts';
import { failureOf, NetworkFailure } from './failure.ts';

/** The network devices of the host, as `ip` tells them. */

const linkSchema = z.object({
  ifname: z.string(),
  flags: z.array(z.string()).default([]),
  master: z.string().optional(),
  address: z.string().default(''),
  ifalias: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z
        .object({
          type: z.string().optional(),
          nf_call_iptables: z.number().optional(),
          nf_call_ip6tables: z.number().optional(),
        })
        .optional(),
    })
    .optional(),
  addr_info: z
    .array(
      z.object({
        family: z.string(),
        local: z.string().optional(),
        prefixlen: z.number(),
        scope: z.string().optional(),
      }),
    )
    .default([]),
});

export interface Link {
  readonly name: string;
  readonly kind: 'bridge' | 'tap' | 'other';
  readonly master: string | null;
  readonly mac: string;
  readonly alias: string | null;
  readonly isUp: boolean;
  /** Of a tap: a process has it open. */
  readonly hasCarrier: boolean;
  /** Of a bridge: what goes from port to port is handed to the tables of IPv4 and IPv6; null when that cannot be. */
  readonly portsThroughNetfilter: boolean | null;
  /** With their prefix, for example `10.77.0.1/16`; without those of IPv6 that every device gives itself. */
  readonly addresses: readonly string[];
}

const neighbourSchema = z.object({
  dst: z.string(),
  dev: z.string().optional(),
  lladdr: z.string().optional(),
  state: z.array(z.string()).default([]),
});
export type Neighbour = z.infer<typeof neighbourSchema>;

const netconfSchema = z.object({ interface: z.string().optional(), forwarding: z.boolean().optional() });

function kindOf({ linkinfo }: z.infer<typeof linkSchema>): Link['kind'] {
  if (linkinfo?.info_kind === 'bridge') return 'bridge';
  return linkinfo?.info_kind === 'tun' && linkinfo.info_data?.type === 'tap' ? 'tap' : 'other';
}

function portsThroughNetfilter({ linkinfo }: z.infer<typeof linkSchema>): boolean | null {
  const { nf_call_iptables, nf_call_ip6tables } = linkinfo?.info_data ?? {};
  if (nf_call_iptables === undefined || nf_call_ip6tables === undefined) return null;
  return nf_call_iptables === 1 && nf_call_ip6tables === 1;
}

function toLink(raw: z.infer<typeof linkSchema>): Link {
  return {
    name: raw.ifname,
    kind: kindOf(raw),
    master: raw.master ?? null,
    mac: raw.address,
    alias: raw.ifalias ?? null,
    isUp: raw.flags.includes('UP'),
    hasCarrier: raw.flags.includes('LOWER_UP'),
    portsThroughNetfilter: portsThroughNetfilter(raw),
    addresses: raw.addr_info.flatMap(({ family, local, prefixlen, scope }) => {
      const isOwn = family === 'inet6' && scope === 'link';
      return local === undefined || isOwn ? [] : [`${local}/${prefixlen}`];
    }),
  };
}

/** What `ip` printed; it prints nothing at all where there is nothing to tell. */
function parsed<T>(schema: z.ZodType<T>, stdout: string): T[] {
  try {
    return z.array(schema).parse(JSON.parse(stdout.trim() === '' ? '[]' : stdout));
  } catch (error) {
    throw new NetworkFailure('network_failed', `ip printed what cannot be read: ${String(error).slice(0, 200)}`);
  }
}

export async function readLinks(run: CommandRunner): Promise<Link[]> {
  const ran = await run('ip', ['-json', '-details', 'address', 'show']);
  if (ran.status !== 0) throw failureOf('ip', ran);
  return parsed(linkSchema, ran.stdout).map(toLink);
}

export async function readNeighbours(run: CommandRunner, bridge: string): Promise<Neighbour[]> {
  const ran = await run('ip', ['-json', 'neigh', 'show', 'dev', bridge]);
  if (ran.status !== 0) throw failureOf('ip', ran);
  return parsed(neighbourSchema, ran.stdout);
}

/** Whether the host passes IPv4 packets on from one network to another. */
export async function isForwarding(run: CommandRunner): Promise<boolean> {
  const ran = await run('ip', ['-json', '-4', 'netconf', 'show']);
  if (ran.status !== 0) throw failureOf('ip', ran);
  return parsed(netconfSchema, ran.stdout).some((one) => one.interface === 'all' && one.forwarding === true);
}

/** Runs `ip` commands one after the other in one process; the first one that fails ends it. */
export async function runBatch(run: CommandRunner, lines: readonly string[]): Promise<void> {
  if (lines.length === 0) return;
  const ran = await run('ip', ['-batch', '-'], `${lines.join('\n')}\n`);
  if (ran.status === 0) return;
  const failure = failureOf('ip', ran);
  // Every device a batch names was seen or made right before: one that is not there any more went away meanwhile.
  const gone = /cannot find device|does not exist|no such device/i.test(ran.stderr);
  throw gone ? new NetworkFailure('bridge_missing', `a device went away meanwhile (${failure.message})`) : failure;
}
