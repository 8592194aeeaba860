import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { Observation } from '../../actors/contracts/hypervisor.ts';
import { type LineWriter, lineWriter, readLines } from './json-lines.ts';
import { type WorldAnswer, type WorldRequest, worldLineSchema } from './wire.ts';
import { makeWorldDirectory, shortSocketPath, type WorldPlace, worldPaths } from './world-place.ts';
import { type WorldPort, WorldUnreachable } from './world-port.ts';

export interface SocketPortOptions extends WorldPlace {
  readonly clock: Clock;
  /** An `owner` hears observations and fences every older owner. */
  readonly role: 'owner' | 'control';
}

/** The way to a world in a process of its own. */
export interface SocketPort extends WorldPort {
  /** Ends the world, its VMMs and its process. */
  shutdownWorld(): Promise<void>;
}

/** How long one attempt to reach the world may take, its start included, in ms. */
const CONNECT_LIMIT_MS = 15_000;
const CONNECT_STEP_MS = 20;
/** Pause before the next attempt when one failed. */
const RECONNECT_MS = 1_000;
/** Requests that may wait for an answer at a time. */
const WAITING_MAX = 100_000;

type Waiter = (answer: WorldAnswer | WorldUnreachable | null) => void;

/** An open connection that was welcomed. */
interface Link {
  readonly socket: Socket;
  readonly writer: LineWriter;
  readonly waiters: Map<number, Waiter>;
}

interface PortState {
  readonly options: SocketPortOptions;
  readonly observers: Set<(observation: Observation) => void>;
  readonly returnListeners: (() => void)[];
  link: Link | null;
  linking: Promise<Link> | null;
  nextId: number;
  /** Why this port is of no use any more. */
  closed: string | null;
  readonly closing: AbortController;
  everLinked: boolean;
}

export function socketPort(options: SocketPortOptions): SocketPort {
  const state: PortState = {
    options,
    observers: new Set(),
    returnListeners: [],
    link: null,
    linking: null,
    nextId: 1,
    closed: null,
    closing: new AbortController(),
    everLinked: false,
  };
  const send = (link: Link, line: object): Promise<WorldAnswer | null> => sendOver(state, link, line);
  return {
    async call(request: WorldRequest, irreversible = false) {
      if (irreversible && state.link === null) throw new WorldUnreachable('there is no way to the world', false);
      const link = state.link ?? (await linkTo(state));
      const answered = send(link, { request });
      if (irreversible) link.writer.flush();
      const answer = await answered;
      if (answer === null) throw new WorldUnreachable('the world answered nothing', true);
      return answer;
    },
    observe(listener) {
      state.observers.add(listener);
      return () => state.observers.delete(listener);
    },
    onReturn(listener) {
      state.returnListeners.push(listener);
    },
    async close() {
      close(state, 'the simulator is closed');
    },
    async shutdownWorld() {
      const link = state.link ?? (await linkTo(state));
      const gone = new Promise<void>((resolve) => link.socket.once('close', () => resolve()));
      await send(link, { shutdown_world: true });
      close(state, 'the world was ended');
      await gone;
    },
  };
}

function close(state: PortState, why: string): void {
  state.closed ??= why;
  state.closing.abort();
  state.link?.socket.destroy();
}

function sendOver(state: PortState, link: Link, line: object): Promise<WorldAnswer | null> {
  if (link.waiters.size >= WAITING_MAX) {
    return Promise.reject(new WorldUnreachable('too many requests wait for the world', false));
  }
  const id = state.nextId++;
  link.writer.write({ id, ...line });
  return new Promise((resolve, reject) => {
    link.waiters.set(id, (answer) => {
      if (answer instanceof WorldUnreachable) reject(answer);
      else resolve(answer);
    });
  });
}

/** The one attempt under way to reach the world. */
function linkTo(state: PortState): Promise<Link> {
  if (state.closed !== null) return Promise.reject(new WorldUnreachable(state.closed, false));
  state.linking ??= reach(state).finally(() => {
    state.linking = null;
  });
  return state.linking;
}

async function reach(state: PortState): Promise<Link> {
  const { clock } = state.options;
  const deadline = clock.monotonic() + CONNECT_LIMIT_MS;
  if (!state.everLinked) makeWorldDirectory(state.options.directory);
  let hosted = false;
  for (;;) {
    if (state.closed !== null) throw new WorldUnreachable(state.closed, false);
    const socket = await connect(state.options);
    if (socket !== null) return greet(state, socket);
    if (!hosted) startHost(state.options);
    hosted = true;
    if (clock.monotonic() >= deadline) throw new WorldUnreachable('the simulated world does not start', false);
    await clock.sleep(CONNECT_STEP_MS, state.closing.signal);
  }
}

/** Null when nobody listens. */
function connect({ directory }: WorldPlace): Promise<Socket | null> {
  return new Promise((resolve) => {
    let short: ReturnType<typeof shortSocketPath>;
    try {
      short = shortSocketPath(worldPaths(directory));
    } catch {
      return resolve(null);
    }
    const socket = createConnection(short.path);
    const settle = (result: Socket | null): void => {
      short.release();
      resolve(result);
    };
    socket.once('connect', () => settle(socket));
    socket.once('error', () => settle(null));
  });
}

/** Starts the process that hosts the world, apart from this one so that it outlives it. */
function startHost({ directory, program }: WorldPlace): void {
  let log: number;
  try {
    log = openSync(worldPaths(directory).log, 'w', 0o600);
  } catch {
    // Without its directory there is no world to host; the caller's limit ends the attempt.
    return;
  }
  const child = spawn(process.execPath, [program, directory], {
    detached: true,
    stdio: ['ignore', log, log],
    cwd: '/',
    env: {},
  });
  child.on('error', () => {});
  child.unref();
  closeSync(log);
}

async function greet(state: PortState, socket: Socket): Promise<Link> {
  const link: Link = { socket, writer: lineWriter(socket), waiters: new Map() };
  socket.on('error', () => {});
  socket.on('close', () => lose(state, link));
  readLines(socket, (value) => receive(state, link, value));
  await sendOver(state, link, { hello: state.options.role });
  if (state.closed !== null) socket.destroy();
  state.link = link;
  if (state.everLinked) for (const listener of state.returnListeners) listener();
  state.everLinked = true;
  return link;
}

function receive(state: PortState, link: Link, value: unknown): void {
  const line = worldLineSchema.parse(value);
  if ('observation' in line) {
    for (const observer of state.observers) observer(line.observation);
    return;
  }
  if ('fenced' in line) {
    close(state, 'another daemon has taken over the simulated world');
    return;
  }
  const waiter = link.waiters.get(line.id);
  link.waiters.delete(line.id);
  waiter?.('answer' in line ? line.answer : null);
}

function lose(state: PortState, link: Link): void {
  if (state.link === link) state.link = null;
  const error = new WorldUnreachable(state.closed ?? 'the connection to the simulated world was lost', true);
  for (const waiter of link.waiters.values()) waiter(error);
  link.waiters.clear();
  if (state.options.role === 'owner' && state.closed === null && state.everLinked) {
    returnToWorld(state).catch(() => {});
  }
}

/** An owner keeps trying until it hears the world again: ends of its runs are waiting to be told. */
async function returnToWorld(state: PortState): Promise<void> {
  while (state.closed === null && state.link === null) {
    try {
      await linkTo(state);
    } catch {
      await state.options.clock.sleep(RECONNECT_MS, state.closing.signal);
    }
  }
}
