import type { JetStreamManager } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Clock } from '../../actors/contracts/clock.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { type Claim, claimHeaders, isCertainlyDead, parseClaim } from './claim.ts';
import type { ConnectionWatch } from './connection-watch.ts';
import type { LogNames } from './naming.ts';
import type { Publisher } from './publisher.ts';

/**
 * One process at a time decides on a log. Its claim is a message that counts only after the claim before it; while it
 * owns the log it looks again and again whether its claim is still the last one. A process that has not looked for
 * `LEASE_MS`, because it was paused or the server could not be reached, sends nothing before it has looked again; one
 * that takes over without being certain that its predecessor is dead waits longer than that before it reads anything.
 * So a superseded owner sends nothing after its successor has begun to read. What it sent before may still lie in the
 * network for longer than the wait, and land then: it lands only where the successor has not appended, whose next append
 * to that stream conflicts. The successor owns the log, so it reads that head and goes on from it.
 */

/** How often an owner looks whether its claim is still the last one. */
export const LOOK_EVERY_MS = 1_000;
/** How often it looks whether a log that is cut off can be reached again. */
export const LOOK_AGAIN_MS = 250;
/** How long a look counts. */
export const LEASE_MS = 5_000;
/** How long a successor waits when the owner before it may still be alive. */
export const TAKEOVER_WAIT_MS = 6_000;
/** How long it waits for what a dead owner had sent and the server has not read yet. */
export const DEAD_OWNER_WAIT_MS = 200;
/** Several servers compare a claim with what is stored, not with what is on its way: so long its owner waits to see. */
export const CLAIM_SETTLE_MS = 500;
/** How long an owner has to answer that it lives. */
export const LIVENESS_WAIT_MS = 1_500;
/** Others who claim the log at the same time; the one who loses looks again, so often. */
const CLAIM_TRIES_MAX = 5;
const ASK_AGAIN_MS = 250;

export interface Ownership {
  /** True while the last look is recent enough to send anything. */
  readonly certain: () => boolean;
  /** Looks now. False: not known, or no longer owner. */
  readonly confirm: () => Promise<boolean>;
  /** Lets go of the log, so that the next one need not wait. */
  readonly release: () => Promise<void>;
}

export interface OwnershipOptions {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
  readonly names: LogNames;
  readonly publisher: Publisher;
  readonly watch: ConnectionWatch;
  readonly clock: Clock;
  readonly self: Claim;
  /** How long a rival's claim may be on its way, unseen. */
  readonly settleMs: number;
  /** Called once: the log has another owner. */
  readonly onLost: (successor: string) => void;
}

interface LastClaim {
  readonly seq: number;
  readonly claim: Claim | null;
}

const encoder = new TextEncoder();

async function readClaim({ manager, names }: OwnershipOptions): Promise<LastClaim> {
  const message = await manager.streams.getMessage(names.stream, { last_by_subj: names.claim });
  return message === null ? { seq: 0, claim: null } : { seq: message.seq, claim: parseClaim(message.data) };
}

/** Throws LogOpenError `log_in_use` when the present owner lives. */
export async function claimLog(options: OwnershipOptions): Promise<Ownership> {
  for (let tries = 0; tries < CLAIM_TRIES_MAX; tries++) {
    const before = await readClaim(options);
    const waitMs = await waitAfter(options, before.claim);
    const seq = await putClaim(options, options.self, before.seq);
    if (seq === null) continue;
    const ownership = hold(options, seq);
    await options.clock.sleep(Math.max(waitMs, options.settleMs));
    if (await ownership.confirm()) return ownership;
    await ownership.release();
    break;
  }
  throw new LogOpenError(
    'log_in_use',
    options.names.stream,
    `Another process claims the log ${options.names.name} too.`,
  );
}

/** How long its claim keeps others away from a log after its owner was last heard of. */
async function waitAfter(options: OwnershipOptions, claim: Claim | null): Promise<number> {
  if (claim === null || claim.released) return 0;
  if (await answersSoon(options, claim)) {
    const { names } = options;
    const message = `The log ${names.name} is owned by process ${claim.pid} on host ${claim.host}, which is alive.`;
    throw new LogOpenError('log_in_use', names.stream, message, claim.pid);
  }
  return isCertainlyDead(claim) ? DEAD_OWNER_WAIT_MS : TAKEOVER_WAIT_MS;
}

/** Asked twice: whoever has claimed the log just now may not be listening yet. */
async function answersSoon(options: OwnershipOptions, claim: Claim): Promise<boolean> {
  if (await answers(options, claim)) return true;
  if (isCertainlyDead(claim)) return false;
  await options.clock.sleep(ASK_AGAIN_MS);
  return answers(options, claim);
}

async function answers({ connection, names }: OwnershipOptions, claim: Claim): Promise<boolean> {
  try {
    const reply = await connection.request(names.liveness, encoder.encode(claim.id), { timeout: LIVENESS_WAIT_MS });
    return parseClaim(reply.data)?.id === claim.id;
  } catch {
    return false;
  }
}

/** Its sequence; null when somebody else was faster. */
async function putClaim({ names, publisher }: OwnershipOptions, claim: Claim, after: number): Promise<number | null> {
  const published = await publisher.publish(names.claim, encoder.encode(JSON.stringify(claim)), claimHeaders(after));
  if (published.kind === 'stored') return published.seq;
  if (published.kind === 'declined' && published.code === WRONG_LAST_SEQUENCE) return null;
  const why = published.kind === 'nobody' ? 'nobody keeps it' : published.message;
  throw new LogOpenError('log_unreachable', names.stream, `The log ${names.name} cannot be claimed: ${why}.`);
}

/** The server's code for: the message before is another one than expected. */
export const WRONG_LAST_SEQUENCE = 10_071;

function hold(options: OwnershipOptions, seq: number): Ownership {
  const { clock, connection, names, self, watch, onLost } = options;
  /** When the last look that counts was asked for, by both clocks: the monotonic one stands still during a suspend. */
  let seen: { readonly monotonic: number; readonly wall: number } | null = null;
  let lost = false;
  let looking: Promise<boolean> | null = null;
  const ending = new AbortController();

  const look = async (): Promise<boolean> => {
    const sent = { monotonic: clock.monotonic(), wall: clock.now() };
    let last: LastClaim;
    try {
      last = await readClaim(options);
    } catch (error) {
      watch.silent(`the server of the log does not answer: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    }
    watch.answered();
    if (last.seq === seq) {
      seen = sent;
      return true;
    }
    lost = true;
    const by = last.claim === null ? 'another process' : `process ${last.claim.pid} on host ${last.claim.host}`;
    onLost(by);
    return false;
  };
  const certain = (): boolean => {
    if (lost || seen === null) return false;
    const wallMs = clock.now() - seen.wall;
    // A wall clock that was set back tells nothing; the look is repeated then too.
    return clock.monotonic() - seen.monotonic < LEASE_MS && wallMs >= 0 && wallMs < LEASE_MS;
  };
  const confirm = (): Promise<boolean> => {
    if (lost || ending.signal.aborted || !watch.connected()) return Promise.resolve(false);
    looking ??= look().finally(() => {
      looking = null;
    });
    return looking;
  };
  const liveness = connection.subscribe(names.liveness, {
    callback: (error, message) => {
      if (error === null && !lost) message.respond(JSON.stringify(self));
    },
  });
  void (async () => {
    const pause = (): number => (watch.reachable() ? LOOK_EVERY_MS : LOOK_AGAIN_MS);
    while (!lost && (await clock.sleep(pause(), ending.signal))) await confirm();
  })();
  return {
    certain,
    confirm,
    release: async () => {
      if (ending.signal.aborted) return;
      ending.abort();
      liveness.unsubscribe();
      if (lost || !watch.reachable()) return;
      await putClaim(options, { ...self, released: true }, seq).catch(() => null);
    },
  };
}
