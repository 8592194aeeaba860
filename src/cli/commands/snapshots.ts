import { type Command, Option } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import type { SnapshotList } from '../../gateway/use-cases/snapshots.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Client } from '../client.ts';
import { inWords } from '../instance-words.ts';
import { type Output, table } from '../output.ts';
import { addCommand, instancePath, notReached, type Options, showInstance, waitOf } from './command.ts';

/** Snapshots of an instance, and new instances that begin as copies of one. */

export function addSnapshotCommands(program: Command, output: Output): void {
  const group = program.command('snapshot').description('snapshots of an instance, each under a name');
  addCreate(group, output);
  addCommand(group, 'ls <instance>', 'list them', async (client, options, instance) => {
    const list = (await client.call('GET', `${instancePath(instance)}/snapshots`)) as SnapshotList;
    if (options.json === true) return output.line(JSON.stringify(list));
    for (const line of table(rowsOf(list))) output.line(line);
  });
  addCommand(group, 'rm <instance> <snapshot>', 'delete one', async (client, options, instance, snapshot) => {
    const query = new URLSearchParams(waitOf(options));
    const path = `${snapshotPath(instance, snapshot)}?${query}`;
    const view = (await client.call('DELETE', path)) as InstanceView;
    output.line(options.json === true ? JSON.stringify(view) : `${snapshot} of ${view.name} deleted`);
  }).option('--no-wait', 'return as soon as the command is recorded');
  addRestore(group, output);
  for (const command of group.commands) command.exitOverride();
  addFork(program, output);
}

function addCreate(group: Command, output: Output): void {
  addCommand(
    group,
    'create <instance> <snapshot>',
    'take one: of a running guest, which is paused meanwhile, or of a sleeping one',
    async (client, options, instance, snapshot = '') => {
      const body = { name: snapshot, ...waitOf(options) };
      const view = (await client.call('POST', `${instancePath(instance)}/snapshots`, body)) as InstanceView;
      if (options.wait !== false && view.snapshots?.some(({ name }) => name === snapshot) !== true) {
        throw notReached(view, `has no snapshot ${snapshot}`);
      }
      output.line(options.json === true ? JSON.stringify(view) : `${snapshot} of ${view.name} taken`);
    },
  ).option('--no-wait', 'return as soon as the command is recorded');
}

function addRestore(group: Command, output: Output): void {
  addCommand(
    group,
    'restore <instance> <snapshot>',
    'let an instance that does not run go on from one; the snapshot stays',
    async (client, options, instance, snapshot) => {
      const body = { then: options.then, ...waitOf(options) };
      const path = `${snapshotPath(instance, snapshot)}/restore`;
      requireState(options, (await client.call('POST', path, body)) as InstanceView, STATE_OF[String(options.then)]);
    },
  )
    .addOption(new Option('--then <how>', 'how it is left').choices(['running', 'standby']).default('running'))
    .option('--no-wait', 'return as soon as the command is recorded');

  function requireState(options: Options, view: InstanceView, wished: string | undefined): void {
    showInstance(output, options, view);
    if (options.wait !== false && view.state !== wished) throw notReached(view, `is ${view.state}, not ${wished}`);
  }
}

const STATE_OF: Readonly<Record<string, string>> = { running: 'Running', standby: 'Standby', stopped: 'Stopped' };

function addFork(program: Command, output: Output): void {
  addCommand(
    program,
    'fork <instance> <name>',
    'make a new instance that begins where another one is',
    async (client, options, instance, name) => {
      const target = STATE_OF[String(options.target)];
      const view = await fork(client, instance, {
        name,
        snapshot: options.snapshot,
        from_running: options.fromRunning,
        target_state: target,
        ...waitOf(options),
      });
      showInstance(output, options, view);
      if (options.wait !== false && target !== undefined && view.state !== target) {
        throw notReached(view, `is ${view.state}, not ${target}`);
      }
    },
  )
    .option('--from-running', 'pause the guest for the copy, if it runs')
    .option('--snapshot <name>', 'begin with this snapshot of it instead')
    .addOption(
      new Option(
        '--target <how>',
        'how the new one is left (default: as the other one is; from a snapshot: running)',
      ).choices(['running', 'standby', 'stopped']),
    )
    .option('--no-wait', 'return as soon as the new instance is recorded');
}

async function fork(client: Client, instance: string | undefined, body: object): Promise<InstanceView> {
  return (await client.call('POST', `${instancePath(instance)}/fork`, body)) as InstanceView;
}

function snapshotPath(instance: string | undefined, snapshot: string | undefined): string {
  return `${instancePath(instance)}/snapshots/${encodeURIComponent(snapshot ?? '')}`;
}

function rowsOf({ snapshots, sleeping }: SnapshotList): string[][] {
  const now = systemClock().now();
  const row = (
    name: string,
    of: { run: number; taken_at: string; size_bytes: number | null },
    by: string,
  ): string[] => {
    return [name, String(of.run), inWords(of.taken_at, now), sizeWords(of.size_bytes), by];
  };
  return [
    ['NAME', 'RUN', 'TAKEN', 'SIZE', 'BY'],
    ...snapshots.map((one) => row(one.name, one, one.by)),
    ...(sleeping === null ? [] : [row('(asleep)', sleeping, '')]),
  ];
}

const MEBIBYTE = 1024 ** 2;

function sizeWords(bytes: number | null): string {
  return bytes === null ? '-' : `${Math.round(bytes / MEBIBYTE)}MB`;
}
