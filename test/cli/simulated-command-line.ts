import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { CliError } from '../../src/cli/client.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import { hurryGuests } from '../crash/simulated-load.ts';
import { type DaemonProcess, type Workplace, workplace } from './daemon-process.ts';

/** How a daemon on the simulator is served. */
export const SIMULATED = ['--no-hello', '--hypervisor', 'simulator', '--nats', 'off'];

/** A daemon in a process of its own on the simulator, the hands of fate, and the command line that speaks to it. */
export interface SimulatedCommandLine {
  readonly place: Workplace;
  readonly fate: SimulatorControl;
  /** May be replaced: the one that is there in the end is ended. */
  daemon: DaemonProcess;
  /** What a command prints. Run within this process: a process for each call would be most of the time. */
  done(...args: string[]): Promise<string>;
  /** Code and message of a command that is refused; throws when it is not. */
  refusal(...args: string[]): Promise<string>;
  /** What a command says with `--json`. */
  read<T>(...args: string[]): Promise<T>;
  destroy(): Promise<void>;
}

export async function openSimulatedCommandLine(): Promise<SimulatedCommandLine> {
  const place = workplace();
  const fate = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
  const done = async (...args: string[]): Promise<string> => {
    const lines: string[] = [];
    const output = { line: (text: string) => void lines.push(text), note: () => {}, text: () => {} };
    await makeProgram(output).parseAsync([...args, '--data', place.data], { from: 'user' });
    return lines.join('\n');
  };
  const opened: SimulatedCommandLine = {
    place,
    fate,
    daemon: await place.serve(...SIMULATED),
    done,
    refusal: async (...args) => {
      const error = await done(...args).catch((reason: unknown) => reason);
      if (!(error instanceof CliError)) throw new Error(`${args.join(' ')} was not refused: ${String(error)}`);
      return `${error.code}: ${error.message}`;
    },
    read: async <T>(...args: string[]) => JSON.parse(await done(...args, '--json')) as T,
    destroy: async () => {
      await opened.daemon.end('SIGTERM');
      await fate.shutdownWorld().catch(() => {});
      await fate.close();
      place.remove();
    },
  };
  await hurryGuests(fate);
  return opened;
}
