import { JetStreamApiError, type JetStreamManager, type StreamConfig, type StreamInfo } from '@nats-io/jetstream';
import { nanos } from '@nats-io/transport-node';
import type { Clock } from '../../actors/contracts/clock.ts';
import { LogOpenError } from '../../actors/contracts/log-error.ts';
import { allEntries, type LogNames } from './naming.ts';

/** Makes the JetStream stream of a log, or makes sure that the one there is keeps what it acknowledges. */

export const LOG_FORMAT = 1;
/** How long a message id is remembered by the server; an append whose answer got lost is offered again within it. */
const DUPLICATE_WINDOW_MS = 120_000;
/** A server that has just started needs a moment before its streams answer. */
export const OPEN_WAIT_MS = 10_000;
const OPEN_LOOK_MS = 250;
const STREAM_NOT_FOUND = 10_059;
const DESCRIPTION = /^Statevisor log, format (\d+)(?:; trimmed up to (\d+))?$/;

export interface StreamWish {
  /** Undefined: as the stream is, and 1 for a new one. */
  readonly replicas?: number | undefined;
  /** Bytes after which appends are refused; undefined: as much as the server allows. */
  readonly maxBytes?: number | undefined;
}

/** What the stream says of itself; up to this sequence entries may have been removed. */
function describe(trimmedTo: number): string {
  return `Statevisor log, format ${LOG_FORMAT}${trimmedTo === 0 ? '' : `; trimmed up to ${trimmedTo}`}`;
}

/**
 * The server does not tell which sequences were removed, so the stream says up to where that may be. It stands in the
 * stream's description, where there is room for it on a full log too.
 */
export async function readTrimmedTo(manager: JetStreamManager, names: LogNames): Promise<number> {
  const { config } = await manager.streams.info(names.stream);
  return trimmedToOf(config);
}

function trimmedToOf({ description }: StreamConfig): number {
  return Number(DESCRIPTION.exec(description ?? '')?.[2] ?? 0);
}

/** Answers the mark that holds then: what another daemon has removed stays marked. */
export async function noteTrimmedTo(manager: JetStreamManager, names: LogNames, seq: number): Promise<number> {
  const { config } = await manager.streams.info(names.stream);
  const marked = trimmedToOf(config);
  if (marked >= seq) return marked;
  await manager.streams.update(names.stream, { ...config, description: describe(seq) });
  return seq;
}

type Config = Partial<StreamConfig> & { readonly name: string };

function configFor(names: LogNames, { replicas = 1, maxBytes = -1 }: StreamWish): Config {
  return {
    name: names.stream,
    description: describe(0),
    subjects: [allEntries(names), names.claim],
    retention: 'limits',
    storage: 'file',
    // A full log refuses what is new; what was acknowledged is never given up for it.
    discard: 'new',
    max_msgs: -1,
    max_msgs_per_subject: -1,
    max_bytes: maxBytes,
    max_age: 0,
    max_msg_size: -1,
    max_consumers: -1,
    no_ack: false,
    num_replicas: replicas,
    duplicate_window: nanos(DUPLICATE_WINDOW_MS),
  };
}

/** Settings without which an acknowledged entry could vanish, or the log could not be written. */
const KEPT = ['retention', 'storage', 'discard', 'max_msgs', 'max_msgs_per_subject', 'max_age', 'no_ack'] as const;

function checkFormat(names: LogNames, config: StreamConfig): void {
  const format = DESCRIPTION.exec(config.description ?? '')?.[1];
  if (format === undefined) {
    throw new LogOpenError('log_unreadable', names.stream, `The stream ${names.stream} is not a log of ours.`);
  }
  if (Number(format) > LOG_FORMAT) {
    const message = `The log ${names.name} has format ${format}; this version knows ${LOG_FORMAT}.`;
    throw new LogOpenError('log_from_newer_version', names.stream, message);
  }
}

function checkKeeps(names: LogNames, config: StreamConfig, wanted: Config): void {
  for (const setting of KEPT) {
    if ((config[setting] ?? false) === (wanted[setting] ?? false)) continue;
    const found = `${setting} is ${String(config[setting])} where ${String(wanted[setting])} was expected`;
    throw new LogOpenError(
      'log_misconfigured',
      names.stream,
      `The stream ${names.stream} would not keep a log: ${found}.`,
    );
  }
  const [found, expected] = [[...config.subjects].sort(), [...(wanted.subjects ?? [])].sort()];
  if (found.join(' ') === expected.join(' ')) return;
  const message = `The stream ${names.stream} takes the subjects ${found.join(', ')} where ${expected.join(', ')} were expected.`;
  throw new LogOpenError('log_misconfigured', names.stream, message);
}

/** Answers how many servers keep each entry. Throws LogOpenError. */
export async function ensureStream(
  manager: JetStreamManager,
  names: LogNames,
  wish: StreamWish,
  clock: Clock,
): Promise<{ readonly replicas: number }> {
  const wanted = configFor(names, wish);
  const present = (await findStream(manager, names, clock)) ?? (await makeStream(manager, names, wanted));
  checkFormat(names, present.config);
  checkKeeps(names, present.config, wanted);
  const replicas = wish.replicas ?? present.config.num_replicas;
  const maxBytes = wish.maxBytes ?? present.config.max_bytes;
  if (replicas !== present.config.num_replicas || maxBytes !== present.config.max_bytes) {
    await manager.streams
      .update(names.stream, { ...present.config, num_replicas: replicas, max_bytes: maxBytes })
      .catch((error: unknown) => refuse(names, error));
  }
  return { replicas };
}

async function makeStream(manager: JetStreamManager, names: LogNames, wanted: Config): Promise<StreamInfo> {
  return manager.streams.add(wanted).catch((error: unknown) => refuse(names, error));
}

/** Null when there is none. */
async function findStream(manager: JetStreamManager, names: LogNames, clock: Clock): Promise<StreamInfo | null> {
  const until = clock.monotonic() + OPEN_WAIT_MS;
  for (;;) {
    try {
      return await manager.streams.info(names.stream);
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === STREAM_NOT_FOUND) return null;
      if (error instanceof JetStreamApiError || clock.monotonic() > until) refuse(names, error);
    }
    await clock.sleep(OPEN_LOOK_MS);
  }
}

function refuse(names: LogNames, error: unknown): never {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof JetStreamApiError ? 'log_misconfigured' : 'log_unreachable';
  const what = code === 'log_misconfigured' ? 'The server does not take' : 'No JetStream answers for';
  throw new LogOpenError(code, names.stream, `${what} the stream ${names.stream}: ${message}.`);
}
