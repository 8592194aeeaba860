import { Command } from 'commander';
import { addConfigCommands } from './commands/config.ts';
import { addDoctor } from './commands/doctor.ts';
import { addEvents } from './commands/events.ts';
import { addHistory } from './commands/history.ts';
import { addHold } from './commands/hold.ts';
import { addHostCommands } from './commands/host.ts';
import { addImageCommands } from './commands/image.ts';
import { addInspect } from './commands/inspect.ts';
import { addInstanceCommands } from './commands/instances.ts';
import { addLogs } from './commands/logs.ts';
import { addNetworkCommands } from './commands/network.ts';
import { addRun } from './commands/run.ts';
import { addServe } from './commands/serve.ts';
import { addSimulate } from './commands/simulate.ts';
import { addSnapshotCommands } from './commands/snapshots.ts';
import { addUpdate } from './commands/update.ts';
import { programVersion } from './daemon/program-version.ts';
import type { Output } from './output.ts';

/** Every command of `statevisor`. Throws CommanderError instead of ending the process. */
export function makeProgram(output: Output): Command {
  const program = new Command('statevisor')
    .description('Supervises virtual machines: each one a persisted statechart.')
    .version(programVersion(), '-V, --version', 'print the version')
    .exitOverride()
    .configureOutput({ writeOut: (text) => output.text(text) })
    .showSuggestionAfterError();
  addServe(program, output);
  addRun(program, output);
  addInstanceCommands(program, output);
  addUpdate(program, output);
  addHold(program, output);
  addSnapshotCommands(program, output);
  addHistory(program, output);
  addEvents(program, output);
  addLogs(program, output);
  addInspect(program, output);
  addHostCommands(program, output);
  addNetworkCommands(program, output);
  addSimulate(program, output);
  addImageCommands(program, output);
  addConfigCommands(program, output);
  addDoctor(program, output);
  for (const command of program.commands) command.exitOverride();
  return program;
}
