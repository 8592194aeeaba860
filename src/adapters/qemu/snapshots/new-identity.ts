import type { Clock, Random } from '../../../actors/contracts/clock.ts';
import { AGENT_UNANSWERED, type OperationError, type RunRef } from '../../../actors/contracts/hypervisor.ts';
import type { Image } from '../image/store.ts';
import type { GuestIdentity, RunFacts } from '../run-directory.ts';
import type { SnapshotManifest } from './manifest.ts';
import { askPatiently, type PatientAgents } from './patient-agents.ts';

/**
 * A copy of a guest believes to be the guest it was copied from: it has its addresses, and the same random numbers ahead of it.
 * Before anybody can speak to it, a program that its image names makes another one of it.
 */

const IDENTITY_LIMIT_MS = 10_000;
const SEED_BYTES = 32;

/** `none`: it is the guest that was saved, at the addresses it had. */
export type IdentityPlan =
  | { readonly plan: 'none' }
  | { readonly plan: 'command'; readonly program: string; readonly identity: GuestIdentity | null }
  | { readonly plan: 'impossible'; readonly error: OperationError };

/** What has to be done to the guest of a snapshot, that it may be this run of this instance. */
export function planIdentity(
  manifest: SnapshotManifest,
  facts: RunFacts,
  { instance }: RunRef,
  { identityCommand: program, name }: Image,
): IdentityPlan {
  const isMoved = !isSame(manifest.identity, facts.identity);
  if (!isMoved && manifest.instance === instance) return { plan: 'none' };
  if (program !== null && manifest.agent) return { plan: 'command', program, identity: facts.identity };
  // Behind the host's own ports nobody sees a guest's addresses, so a copy disturbs nobody.
  if (!isMoved && facts.identity === null) return { plan: 'none' };
  const why = program === null ? `image ${name} names no identity_command` : 'its agent had not been heard';
  const message = `the guest has other addresses in the snapshot and cannot be given new ones: ${why}`;
  return { plan: 'impossible', error: { code: 'identity_not_changeable', message } };
}

function isSame(one: GuestIdentity | null, other: GuestIdentity | null): boolean {
  if (one === null || other === null) return one === other;
  return (Object.keys(one) as (keyof GuestIdentity)[]).every((key) => one[key] === other[key]);
}

/** The call of the program, for the guest's shell. Addresses and numbers only, so nothing in it needs quoting. */
export function identityCommand(program: string, identity: GuestIdentity | null, seed: string): string {
  const words = [program];
  if (identity !== null) {
    const { mac, address, prefix, gateway, address6, prefix6, gateway6 } = identity;
    words.push(`mac=${mac}`, `address=${address}/${prefix}`, `gateway=${gateway}`);
    if (address6 !== null) words.push(`address6=${address6}/${prefix6}`);
    if (gateway6 !== null) words.push(`gateway6=${gateway6}`);
  }
  return `${[...words, `seed=${seed}`].join(' ')}\n`;
}

export interface IdentityTools {
  readonly agents: PatientAgents;
  readonly clock: Clock;
  readonly random: Random;
}

/** Has the guest made another one. Null when that is done. */
export async function giveIdentity(
  { agents, clock, random }: IdentityTools,
  ref: RunRef,
  { program, identity }: Extract<IdentityPlan, { plan: 'command' }>,
  signal: AbortSignal,
): Promise<OperationError | null> {
  const text = identityCommand(program, identity, random.hex(SEED_BYTES));
  const question = { command: () => text, limitMs: IDENTITY_LIMIT_MS, clock, signal };
  const reply = await askPatiently(agents, ref, question);
  if (reply.answer === 'ended' && reply.code === 0) return null;
  if (reply.answer === 'ended') {
    const said = Buffer.from(reply.output, 'base64')
      .toString('latin1')
      .replace(/[^ -~]+/g, ' ')
      .trim()
      .slice(0, 200);
    return { code: 'identity_refused', message: `${program} in the guest failed with code ${reply.code}: ${said}` };
  }
  return { code: AGENT_UNANSWERED, message: reply.answer === 'late' ? 'the guest agent is late' : reply.reason };
}
