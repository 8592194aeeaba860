import { connect, type Socket } from 'node:net';
import { z } from 'zod';
import type { Clock } from '../../actors/contracts/clock.ts';

/** An event of the QEMU monitor. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
  /** Epoch ms, by QEMU's clock. */
  readonly at: number;
}

export interface QmpOptions {
  readonly clock: Clock;
  /** Limit for the connection and its greeting: QEMU greets one client at a time, later ones wait. */
  readonly greetingLimitMs: number;
  readonly onEvent: (event: QmpEvent) => void;
  /** Called once, when the connection has ended for whatever reason. */
  readonly onClose: () => void;
}

export interface QmpConnection {
  /** Runs a command. Rejects with `QmpError`: code `qmp_refused`, `qmp_closed` or `timed_out`. */
  execute(command: string, limitMs: number, argument?: Readonly<Record<string, unknown>>): Promise<unknown>;
  close(): void;
}

export class QmpError extends Error {
  readonly code: 'qmp_refused' | 'qmp_closed' | 'timed_out' | 'qmp_unreachable';

  constructor(code: QmpError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** Longest line accepted; QEMU's longest answers to our commands are a few kilobytes. */
export const QMP_LINE_MAX_BYTES = 1_048_576;
/** Most commands waiting for an answer on one connection. */
const PENDING_MAX = 64;

const eventSchema = z.object({
  event: z.string(),
  data: z.record(z.string(), z.unknown()).default({}),
  timestamp: z.object({ seconds: z.number(), microseconds: z.number() }),
});
const messageSchema = z.union([
  z.object({ QMP: z.object({}) }).transform(() => ({ kind: 'greeting' as const })),
  eventSchema.transform((raw) => ({ kind: 'event' as const, event: toEvent(raw) })),
  z
    .object({ id: z.number(), error: z.object({ class: z.string(), desc: z.string() }) })
    .transform((raw) => ({ kind: 'refusal' as const, ...raw })),
  z.object({ id: z.number(), return: z.unknown() }).transform((raw) => ({ kind: 'answer' as const, ...raw })),
]);

function toEvent(raw: z.infer<typeof eventSchema>): QmpEvent {
  const at = raw.timestamp.seconds * 1000 + Math.floor(raw.timestamp.microseconds / 1000);
  return { name: raw.event, data: raw.data, at };
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/** Reads one line as a monitor event; null when it is anything else. */
export function parseQmpEvent(line: string): QmpEvent | null {
  const parsed = eventSchema.safeParse(parseJson(line));
  return parsed.success ? toEvent(parsed.data) : null;
}

/** Cuts incoming bytes into lines; calls `overflow` when a line grows past the bound. */
function lineReader(onLine: (line: string) => void, overflow: () => void): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (let end = rest.indexOf(0x0a); end >= 0; end = rest.indexOf(0x0a)) {
      const line = rest.toString('utf8', 0, end).trim();
      rest = rest.subarray(end + 1);
      if (line !== '') onLine(line);
    }
    if (rest.length > QMP_LINE_MAX_BYTES) overflow();
  };
}

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: QmpError) => void;
}

interface Dialogue {
  readonly connection: QmpConnection;
  readonly greeted: Promise<void>;
}

function converse(socket: Socket, options: QmpOptions): Dialogue {
  const pending = new Map<number, Pending>();
  const greeting = Promise.withResolvers<void>();
  let nextId = 1;
  let closed = false;

  const end = (): void => {
    if (closed) return;
    closed = true;
    socket.destroy();
    for (const one of pending.values()) one.reject(new QmpError('qmp_closed', 'the monitor connection ended'));
    pending.clear();
    greeting.reject(new QmpError('qmp_unreachable', 'the monitor connection ended before its greeting'));
    options.onClose();
  };
  const settle = (id: number): Pending | undefined => {
    const one = pending.get(id);
    pending.delete(id);
    return one;
  };
  const onLine = (line: string): void => {
    if (closed) return;
    const message = messageSchema.safeParse(parseJson(line));
    if (!message.success) return;
    if (message.data.kind === 'greeting') greeting.resolve();
    else if (message.data.kind === 'event') options.onEvent(message.data.event);
    else if (message.data.kind === 'answer') settle(message.data.id)?.resolve(message.data.return);
    else settle(message.data.id)?.reject(new QmpError('qmp_refused', message.data.error.desc));
  };
  socket.on('data', lineReader(onLine, end));
  socket.on('error', end);
  socket.on('close', end);

  const execute: QmpConnection['execute'] = (command, limitMs, argument) => {
    if (closed) return Promise.reject(new QmpError('qmp_closed', 'the monitor connection ended'));
    if (pending.size >= PENDING_MAX) return Promise.reject(new QmpError('timed_out', 'the monitor does not answer'));
    const id = nextId++;
    return new Promise((resolve, reject) => {
      const cancel = options.clock.after(limitMs, () => {
        settle(id)?.reject(new QmpError('timed_out', `${command} was not answered within ${limitMs} ms`));
      });
      const settled =
        <T>(next: (value: T) => void) =>
        (value: T) => {
          cancel();
          next(value);
        };
      pending.set(id, { resolve: settled(resolve), reject: settled(reject) });
      socket.write(`${JSON.stringify({ execute: command, id, ...(argument && { arguments: argument }) })}\n`);
    });
  };
  return { connection: { execute, close: end }, greeted: greeting.promise };
}

/**
 * Connects to a QEMU monitor socket and leaves negotiation mode. Rejects with `QmpError` code `qmp_unreachable` or
 * `timed_out`; `onClose` is then not called.
 */
export async function openQmp(path: string, options: QmpOptions): Promise<QmpConnection> {
  let open = false;
  const socket = connect({ path });
  const onClose = (): void => {
    if (open) options.onClose();
  };
  const { connection, greeted } = converse(socket, { ...options, onClose });
  const limit = Promise.withResolvers<never>();
  const cancel = options.clock.after(options.greetingLimitMs, () => {
    limit.reject(new QmpError('timed_out', 'the monitor did not greet: it may be busy with another client'));
  });
  try {
    await Promise.race([greeted, limit.promise]);
    await connection.execute('qmp_capabilities', options.greetingLimitMs);
    open = true;
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  } finally {
    cancel();
  }
}
