import type { Logger } from 'pino';
import { systemClock } from '../../actors/clock.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import { ConfigError } from '../config/config-error.ts';
import { type Effective, loadConfig } from '../config/load-config.ts';
import type { Config } from '../config/options.ts';
import { SYSTEM_FILE } from '../config/read-file.ts';
import { dataDirectory } from '../data-directory.ts';
import { firstMinutes } from '../first-minutes/first-minutes.ts';
import { mayRunOn, stopping } from '../first-minutes/texts.ts';
import type { Output } from '../output.ts';
import { type Daemon, type DaemonOptions, startDaemon } from './daemon.ts';
import { createDaemonLogger } from './daemon-logger.ts';
import { type Systemd, tellSystemd } from './systemd.ts';

/** The life of the daemon's process: started, ready, told by signals, ended in order. */

interface Process {
  readonly load: () => Effective & { readonly config: Config };
  readonly output: Output;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly systemd: Systemd;
}

export async function serveUntilSignalled(flags: Readonly<Record<string, unknown>>, output: Output): Promise<void> {
  const load = (): ReturnType<typeof loadConfig> => loadConfig({ flags, environment: process.env });
  const effective = load();
  for (const note of effective.notes) output.note(note);
  if (effective.file !== null) output.line(`Configuration: ${effective.file}`);
  // Whoever read what is printed may go away; the daemon does not go with them.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const clock = systemClock();
  const logger = createDaemonLogger({ level: effective.config.log_level });
  const report = (message: string): void => logger.warn(message);
  const systemd = tellSystemd({ environment: process.env, clock, pid: process.pid, report });
  try {
    await live({ load, output, clock, logger, systemd }, effective);
  } finally {
    systemd.close();
  }
}

async function live(given: Process, { config, origins }: ReturnType<Process['load']>): Promise<void> {
  const { output, clock, logger, systemd } = given;
  const say = output.line;
  // Before anything is opened, so that a start that is given up leaves nothing behind, the private nats-server least of all.
  const givenUp = new AbortController();
  const signalled = untilSignalled(given).then(() => givenUp.abort());
  const daemon = await startOrNot({ ...config, logger, say, signal: givenUp.signal });
  if (daemon === null) return say('Stopped before it was ready.');
  const ending = new AbortController();
  say(`Statevisor is ready: ${daemon.endpoints.http}`);
  void systemd.ready(`Ready on ${daemon.endpoints.http}`);
  const place = {
    data: config.data,
    isFound: origins.get('data') === 'default' || origins.get('data')?.includes(SYSTEM_FILE) === true,
    directory: dataDirectory(config.data).path,
  };
  const shown = firstMinutes({ daemon, clock, say, signal: ending.signal, hello: config.hello, place }).catch((error) =>
    logger.error({ err: error }, 'What is shown at a start could not be finished.'),
  );
  const lost = await Promise.race([signalled, daemon.superseded]);
  ending.abort();
  const running = daemon.namesWhere(mayRunOn);
  if (typeof lost === 'string') {
    // Not an end in order: whoever watches the process should see it. The VMs are the successor's.
    output.note(`not_owner: the log was taken over by ${lost}; this daemon steps down.`);
    process.exitCode = 1;
  } else for (const line of stopping(running)) say(line);
  void systemd.stopping(`Stopping; ${running.length} VMs run on`);
  await shown;
  await daemon.close();
}

/** Null when it was given up before it was ready, and what it had opened is closed. */
async function startOrNot(options: DaemonOptions & { readonly signal: AbortSignal }): Promise<Daemon | null> {
  try {
    return await startDaemon(options);
  } catch (error) {
    if (options.signal.aborted && error === options.signal.reason) return null;
    throw error;
  }
}

/**
 * SIGINT and SIGTERM end the daemon in order. A second one changes nothing, for each part has its time limit, and
 * ending half-way would leave the private nats-server behind; SIGKILL is always safe. SIGHUP is what a terminal that
 * goes away sends: whoever was started from one ends in order too. Without a terminal it reads the configuration again.
 */
function untilSignalled(given: Process): Promise<void> {
  const fromTerminal = process.stdin.isTTY === true;
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
    process.on('SIGHUP', () => (fromTerminal ? resolve() : reload(given)));
  });
}

/** Takes over the level of logging. Every other change waits for the next start, and a configuration with a mistake for its correction. */
function reload({ load, logger }: Process): void {
  try {
    const { log_level } = load().config;
    logger.level = log_level;
    logger.info(
      { log_level },
      'The configuration was read again; only the level of logging changes without a restart.',
    );
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    logger.error(
      { problems: error.problems },
      'The configuration was read again and is not in order; nothing changes.',
    );
  }
}
