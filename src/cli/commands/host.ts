import type { Command } from 'commander';
import type { ChartState, ChartStructure } from '../../projections/chart-structure.ts';
import { type Client, connectClient } from '../client.ts';
import { hostRows } from '../host-words.ts';
import { endWithReader, type Output, table } from '../output.ts';

/** The commands that speak to a running daemon about its host as a whole. */

const MODES = [
  ['normal', 'do what is automatic again; what was held back is decided now'],
  ['maintenance', 'do nothing automatic; VMs run on, and commands work'],
  ['drain', 'as maintenance, and put no further VM on this host'],
] as const;

/** A drained host is one that is `draining` until somebody says otherwise. */
const MODE_OF: Readonly<Record<(typeof MODES)[number][0], string>> = {
  normal: 'normal',
  maintenance: 'maintenance',
  drain: 'draining',
};

interface HostOptions {
  readonly data?: string;
  readonly json?: boolean;
}

type HostAct = (client: Client, options: HostOptions) => Promise<void>;

export function addHostCommands(program: Command, output: Output): void {
  const host = program.command('host').description('the host as a whole');
  const add = (name: string, description: string, act: HostAct): void => {
    const command = host.command(name).description(description);
    command.option('--data <dir>', 'data directory of the daemon').option('--json', 'print JSON');
    command.action(async (options: HostOptions) => {
      endWithReader();
      await act(connectClient(options.data), options);
    });
  };
  add('status', 'show every part of the daemon on a page; --json has every field', async (client, options) => {
    const view = (await client.call('GET', '/v1/host')) as Readonly<Record<string, unknown>>;
    if (options.json === true) return output.line(JSON.stringify(view));
    for (const line of table(hostRows(view))) output.line(line);
  });
  add('chart', 'show the states and timers of the chart', async (client, options) => {
    const chart = (await client.call('GET', '/v1/chart')) as ChartStructure;
    if (options.json === true) return output.line(JSON.stringify(chart));
    output.line(`chart ${chart.version}`);
    for (const line of chart.regions.flatMap((region) => stateLines(region, '  '))) output.line(line);
  });
  for (const [name, description] of MODES) {
    add(name, description, async (client, options) => {
      const answer = (await client.call('POST', '/v1/host/mode', { mode: MODE_OF[name] })) as ModeAnswer;
      output.line(options.json === true ? JSON.stringify(answer) : modeLine(answer));
    });
  }
}

interface ModeAnswer {
  readonly mode: string;
  /** Instances for which the mode before still holds. */
  readonly untold: number;
}

function modeLine({ mode, untold }: ModeAnswer): string {
  const line = `The host is in mode ${mode}.`;
  return untold === 0
    ? line
    : `${line} Instances that do not know it yet, and are told as soon as they can be: ${untold}.`;
}

/** `graceful  timer.stop_deadline`, under the state around it. */
function stateLines({ name, timers, states }: ChartState, indent: string): string[] {
  const line = [`${indent}${name}`, ...timers.map((timer) => timer.name)].join('  ');
  return [line, ...states.flatMap((state) => stateLines(state, `${indent}  `))];
}
