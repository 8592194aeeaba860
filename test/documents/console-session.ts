import { spawn } from 'node:child_process';
import { rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { projectDir } from '../architecture/project-files.ts';
import { type DaemonProcess, type Workplace, workplace } from '../cli/daemon-process.ts';
import { temporaryDirectory } from '../left-processes.ts';
import { normalised } from './normalise.ts';

/**
 * Runs the `console` blocks of a document as a reader would, in order, in one directory: lines after `$ ` are commands,
 * the lines below are what they print, a line `...` stands for any number of lines. The daemon runs on the simulator.
 */
export interface Step {
  readonly command: string;
  readonly shown: string;
}

/** A daemon told to look again and again answers within this, on a slow machine too. */
const STEP_LIMIT_MS = 20_000;
const LOOK_MS = 100;
const DAEMON_ADDRESS = '127.0.0.1:7070';
/** Commands that change nothing: what they show may take a moment to become so. */
const READS = /^npx statevisor (ps|get|history|wait)\b/;
/** A line of the daemon's log, which comes between what it says to people whenever it has something to log. */
const LOG_LINE = /^\{"level".*\n/gm;
const KILLS_VMM = /^kill -9 \$\(npx statevisor get (\S+) /;
const KILLS_DAEMON = /^kill -9 .*endpoints\.json/;

/** Characters that mean something in a pattern. */
const SPECIAL = /[\\^$.*+?()[\]{}|]/g;

const clock = systemClock();

export function stepsOf(text: string): Step[] {
  const blocks = [...text.matchAll(/^```console\n([\s\S]*?)^```$/gm)].map((match) => match[1]!);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((part) => {
        const [command = '', ...lines] = part.split('\n');
        return { command, shown: lines.join('\n') };
      }),
  );
}

/** Does what was printed look like what is shown, where `...` stands for anything? */
export function looksLike(shown: string, printed: string): boolean {
  const lines = normalised(shown).split('\n');
  const parts = lines.map((line) => (line === '...' ? '(?:.*\\n)*?' : `${line.replaceAll(SPECIAL, '\\$&')}\\n`));
  return new RegExp(`^${parts.join('')}$`).test(`${normalised(printed)}\n`);
}

export interface Session {
  /** Runs a command and answers what it printed: once it looks like what is shown, or after a while anyway. */
  run(step: Step): Promise<string>;
  readonly place: Workplace;
  end(): Promise<void>;
}

export function consoleSession(): Session {
  const place = workplace();
  const directory = temporaryDirectory('statevisor-reader-');
  symlinkSync(place.data, join(directory, '.statevisor'));
  const world = { directory: place.data, program: worldProgram };
  const control = controlSimulator({ world, clock });
  let daemon: DaemonProcess | null = null;
  let address = DAEMON_ADDRESS;

  const start = async (flags: string[], shown: string): Promise<string> => {
    const started = await place.serve(...flags, '--hypervisor', 'simulator');
    daemon = started;
    const until = clock.monotonic() + STEP_LIMIT_MS;
    const said = (): string => started.printed().replaceAll(LOG_LINE, '');
    // It can be reached before it has said all there is to say.
    while (!looksLike(shown, said()) && clock.monotonic() < until) await clock.sleep(LOOK_MS);
    address = /ready: http:\/\/(127\.0\.0\.1:\d+)/.exec(started.printed())?.[1] ?? DAEMON_ADDRESS;
    return said();
  };
  const act = async (command: string, shown: string): Promise<string> => {
    const [, flags] = /^npm start(?: -- (.*))?$/.exec(command) ?? [];
    if (command.startsWith('npm start')) return start(flags?.split(' ') ?? [], shown);
    const victim = KILLS_VMM.exec(command)?.[1];
    if (victim !== undefined) {
      await control.sigkill((await place.get(victim)).id);
      return '';
    }
    if (KILLS_DAEMON.test(command)) {
      await daemon?.end('SIGKILL');
      daemon = null;
      return '';
    }
    return inShell(command.replaceAll(DAEMON_ADDRESS, address), directory, place.data);
  };
  return {
    place,
    run: async ({ command, shown }) => {
      const until = clock.monotonic() + STEP_LIMIT_MS;
      for (;;) {
        const printed = await act(command, shown);
        if (looksLike(shown, printed) || !READS.test(command) || clock.monotonic() > until) return printed;
        await clock.sleep(LOOK_MS);
      }
    },
    end: async () => {
      await daemon?.end('SIGTERM');
      await control.shutdownWorld().catch(() => {});
      await control.close();
      place.remove();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

const PRELUDE = 'npx() { shift; "$NODE" "$MAIN" "$@"; }; node() { "$NODE" "$@"; }';

function inShell(command: string, directory: string, data: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = {
      ...process.env,
      NODE: process.execPath,
      MAIN: join(projectDir, 'src/cli/main.ts'),
      STATEVISOR_DATA: data,
      NO_COLOR: '1',
    };
    const child = spawn('bash', ['-c', `${PRELUDE}\n${command}`], { cwd: directory, env });
    const printed: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => printed.push(chunk.toString()));
    }
    child.once('error', reject);
    child.once('close', () => resolve(printed.join('')));
  });
}
