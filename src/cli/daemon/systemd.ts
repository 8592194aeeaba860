import { spawn } from 'node:child_process';
import type { Clock } from '../../actors/contracts/clock.ts';

/**
 * What systemd wants to hear from a service of `Type=notify`. Node has no datagram sockets of the kind it listens on,
 * so `systemd-notify` carries the messages; without systemd nothing is started.
 */
export interface Systemd {
  ready(status: string): Promise<void>;
  stopping(status: string): Promise<void>;
  /** No more signs of life. */
  close(): void;
}

export interface SystemdOptions {
  /** Its variables are taken out: children of this process are no part of the service's conversation. */
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly pid: number;
  readonly report: (message: string) => void;
  readonly program?: string;
}

/** A sign of life comes that many times within the time after which the daemon counts as hanging. */
const SIGNS_PER_PERIOD = 3;
const MICROSECONDS_PER_MS = 1_000;
/** Longer than systemd takes to answer; a message that is not taken by then is given up. */
const MESSAGE_MAX_MS = 10_000;

const NOBODY: Systemd = {
  ready: async () => {},
  stopping: async () => {},
  close: () => {},
};

export function tellSystemd({ environment, clock, pid, report, program }: SystemdOptions): Systemd {
  const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: period, WATCHDOG_PID: watched } = environment;
  for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete environment[name];
  if (socket === undefined || socket === '') return NOBODY;
  const say = messenger({ socket, environment, clock, report, program: program ?? 'systemd-notify' });
  const closed = new AbortController();
  const everyMs = Number(period) / MICROSECONDS_PER_MS / SIGNS_PER_PERIOD;
  const isWatched = everyMs > 0 && (watched === undefined || Number(watched) === pid);
  const giveSigns = async (): Promise<void> => {
    // Each sign comes out of a turn of the event loop: a daemon that is stuck gives none.
    while (await clock.sleep(everyMs, closed.signal)) await say('WATCHDOG=1');
  };
  return {
    ready: async (status) => {
      await say('READY=1', `STATUS=${status}`);
      if (isWatched) void giveSigns();
    },
    stopping: (status) => say('STOPPING=1', `STATUS=${status}`),
    close: () => closed.abort(),
  };
}

interface Messenger {
  readonly socket: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly report: (message: string) => void;
  readonly program: string;
}

/** Sends messages one after the other, in order. Never rejects: the daemon works without a listener too. */
function messenger({ socket, environment, clock, report, program }: Messenger): (...lines: string[]) => Promise<void> {
  let last = Promise.resolve();
  const send = (lines: readonly string[]): Promise<void> =>
    new Promise((resolve) => {
      const child = spawn(program, lines, { env: { ...environment, NOTIFY_SOCKET: socket }, stdio: 'ignore' });
      const cancel = clock.after(MESSAGE_MAX_MS, () => child.kill('SIGKILL'));
      const settle = (problem: string | null): void => {
        cancel();
        if (problem !== null) report(`systemd was not told ${lines[0]}: ${program} ${problem}.`);
        resolve();
      };
      child.once('error', (error) => settle(`cannot be started (${error.message})`));
      child.once('exit', (code, signal) => settle(code === 0 ? null : `ended with ${signal ?? code}`));
    });
  return (...lines) => {
    last = last.then(() => send(lines));
    return last;
  };
}
