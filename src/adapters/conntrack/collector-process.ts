import { type ChildProcess, spawn } from 'node:child_process';
import type { CancelTimer, Clock } from '../../actors/contracts/clock.ts';
import type { CollectorSettings, FromCollector, ToCollector } from './messages.ts';

/** Pauses before the collector is started again after it ended by itself: the first, and the longest. */
export const RESTART_MIN_MS = 100;
export const RESTART_MAX_MS = 30_000;
/** A collector that has lived this long starts with the shortest pause again. */
const STABLE_MS = 60_000;
/** One that has said nothing for so long hangs: it says how it stands every second. */
export const SILENCE_LIMIT_MS = 30_000;
/** Looks in a row that must find silence. A daemon that was held up itself makes one look late, and hears before the next. */
const SILENT_LOOKS = 3;
/** Messages that wait until it reads on: guests that are watched, and questions. One that takes none of so many hangs. */
export const UNREAD_MAX = 65_536;
/** How long its end is waited for before it is ended by force. */
const END_LIMIT_MS = 2_000;
/** Where the tools are that it may need. */
const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';

export interface CollectorProcessOptions {
  readonly clock: Clock;
  /** Path of the collector's program. */
  readonly program: string;
  /** Put before the command, to run it somewhere else: in the network namespace that is to be read. */
  readonly before: readonly string[];
  readonly settings: CollectorSettings;
  readonly silenceLimitMs: number;
  /** A new one listens: it knows nothing yet. */
  readonly onStart: () => void;
  readonly onMessage: (message: FromCollector) => void;
  readonly onEnd: (why: string) => void;
}

/** A child process that is there for as long as it is not closed: it is started again whenever it ends. */
export class CollectorProcess {
  readonly #options: CollectorProcessOptions;
  #child: ChildProcess | null = null;
  #pauseMs = RESTART_MIN_MS;
  #cancelRestart: CancelTimer = () => undefined;
  #lookedAt = 0;
  #silentLooks = 0;
  #unread = 0;
  #begun = 0;
  #closed = false;

  constructor(options: CollectorProcessOptions) {
    this.#options = options;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    const { clock, program, before, settings, onStart, onMessage } = this.#options;
    const [file = '', ...args] = [...before, process.execPath, program, JSON.stringify(settings)];
    const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], env: { PATH }, cwd: '/' });
    const begun = clock.monotonic();
    this.#child = child;
    // It keeps nobody alive; and when the daemon is gone, the end of the channel ends it.
    child.unref();
    child.channel?.unref();
    child.on('message', (message) => {
      if (this.#child !== child) return;
      this.#silentLooks = 0;
      onMessage(message as FromCollector);
    });
    child.once('error', (error) => this.#ended(child, begun, `could not be started: ${error.message}`));
    child.once('exit', (code, signal) => this.#ended(child, begun, `ended with ${signal ?? `status ${code}`}`));
    this.#begun = begun;
    this.#lookedAt = begun;
    this.#silentLooks = 0;
    this.#unread = 0;
    onStart();
  }

  /** False when it is not there; whoever asks is told so by `onEnd`. */
  send(message: ToCollector): boolean {
    const child = this.#child;
    if (child === null || !child.connected) return false;
    if (this.#unread >= UNREAD_MAX) {
      this.#kill(child, `left ${UNREAD_MAX} messages unread and was killed`);
      return false;
    }
    this.#unread += 1;
    // A channel that closes under it is told of by the end of the process.
    child.send(message, () => {
      if (this.#child === child) this.#unread -= 1;
    });
    return true;
  }

  /**
   * Asked for again and again by whoever shows how the source stands. What a collector that hangs has told would count for
   * ever; it may be stopped, so that only SIGKILL ends it.
   */
  look(): void {
    const { clock, silenceLimitMs } = this.#options;
    const child = this.#child;
    const now = clock.monotonic();
    if (child === null || this.#closed || now - this.#lookedAt < silenceLimitMs / SILENT_LOOKS) return;
    this.#lookedAt = now;
    if (this.#silentLooks++ < SILENT_LOOKS) return;
    this.#kill(child, `said nothing for ${silenceLimitMs} ms and was killed`);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelRestart();
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new AbortController();
    child.once('exit', () => ended.abort());
    if (child.connected) child.disconnect();
    if (await this.#options.clock.sleep(END_LIMIT_MS, ended.signal)) child.kill('SIGKILL');
  }

  #kill(child: ChildProcess, why: string): void {
    child.kill('SIGKILL');
    this.#ended(child, this.#begun, why);
  }

  #ended(child: ChildProcess, begun: number, how: string): void {
    if (this.#child !== child) return;
    this.#child = null;
    if (this.#closed) return;
    const { clock, onEnd } = this.#options;
    if (clock.monotonic() - begun >= STABLE_MS) this.#pauseMs = RESTART_MIN_MS;
    onEnd(`the collector of connections ${how}; it is started again`);
    this.#cancelRestart = clock.after(this.#pauseMs, () => this.start());
    this.#pauseMs = Math.min(this.#pauseMs * 2, RESTART_MAX_MS);
  }
}
