import { type Command, Option } from 'commander';
import type { InstanceRecord } from '../../../machines/record.ts';
import { systemRandom } from '../../actors/clock.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { CliError, type Client, connectClient } from '../client.ts';
import { historyLine } from '../history-lines.ts';
import { instanceTable, type Output, portLines, table } from '../output.ts';

/** The commands that speak to a running daemon about instances. */

const ROOT = '/v1/instances';
/** How long `run` and friends wait for what they asked for. */
const OUTCOME_WAIT = '2m';
const DEMO_IMAGE = 'demo';
const DEMO_PORTS = ['80', '7'];
const HISTORY_PAGE = 200;
const NAME_SUFFIX_BYTES = 3;

interface Common {
  readonly data?: string;
  readonly json?: boolean;
}

type Act = (client: Client, options: Common & Record<string, unknown>, ...args: string[]) => Promise<unknown>;

/** Adds the options every command has, and the way from arguments to `act`. */
function add(program: Command, spec: string, description: string, act: Act): Command {
  const command = program.command(spec).description(description);
  command.option('--data <dir>', 'data directory of the daemon').option('--json', 'print JSON');
  command.action(async (...received: unknown[]) => {
    const given = received.slice(0, command.registeredArguments.length).filter((arg) => arg !== undefined);
    const options = command.opts<Common & Record<string, unknown>>();
    await act(connectClient(options.data), options, ...(given as string[]));
  });
  return command;
}

export function addInstanceCommands(program: Command, output: Output): void {
  addRun(program, output);
  addReads(program, output);
  for (const [verb, description, wished] of [
    ['start', 'start an instance', 'Running'],
    ['stop', 'stop an instance; it stays stopped', 'Stopped'],
    ['restart', 'stop and start an instance', 'Running'],
    ['standby', 'put an instance to sleep', 'Standby'],
    ['restore', 'wake an instance', 'Running'],
  ] as const) {
    const command = add(program, `${verb} <instance>`, description, async (client, options, instance) => {
      const body = { ...(options.force === true ? { force: true } : {}), ...waitOf(options) };
      const view = (await client.call('POST', `${path(instance)}/${verb}`, body)) as InstanceView;
      show(output, options, view);
      if (options.wait !== false && view.state !== wished) {
        const where = `${view.name} is ${view.state}, not ${wished}`;
        throw new CliError('not_reached', `${where}. \`statevisor history ${view.name}\` tells why.`);
      }
    });
    command.option('--no-wait', 'return as soon as the command is recorded');
    if (verb === 'stop') command.option('--force', 'do not ask the guest');
  }
  const remove = add(program, 'rm <instance>', 'stop an instance and remove it', async (client, options, instance) => {
    const query = options.wait === false ? '' : `?wait=${OUTCOME_WAIT}`;
    const answer = await client.call('DELETE', `${path(instance)}${query}`);
    output.line(options.json === true ? JSON.stringify(answer) : `${instance} removed`);
  });
  remove.option('--no-wait', 'return as soon as the command is recorded');
}

function addRun(program: Command, output: Output): void {
  const command = add(program, 'run [name]', 'create an instance and start it', async (client, options, name) => {
    const created = (await client.call('POST', ROOT, definitionOf(options, name))) as InstanceView;
    if (options.detach === true) return show(output, options, created);
    if (options.json !== true) output.note(`${created.name} (${created.id}) is booting...`);
    const waited = `${path(created.id)}/wait?state=Running&timeout=${OUTCOME_WAIT}`;
    const outcome = (await client.call('GET', waited)) as { state: string; timed_out: boolean };
    const view = (await client.call('GET', path(created.id))) as InstanceView;
    if (outcome.state !== 'Running') {
      throw new CliError(
        'not_running',
        `${created.name} is ${outcome.state}: ${view.state_error ?? view.exit_message ?? ''}`,
      );
    }
    show(output, options, view);
    if (options.json !== true) for (const line of portLines(view)) output.line(line);
  });
  command
    .option('--image <name>', 'image to boot', DEMO_IMAGE)
    .option('--size <size>', 'memory, for example 256MB')
    .option('--vcpus <n>', 'virtual processors', Number)
    .option('-p, --port <port>', 'forward a port of the host to the guest; may be repeated', collect, [])
    .addOption(
      new Option('--network <mode>', 'how the guest is reached: at ports of the host, or at its own address')
        .choices(['user', 'bridge'])
        .default('user'),
    )
    .option('--address <address>', 'address of a bridged guest; the host picks one otherwise')
    .addOption(
      new Option('--restart <policy>', 'restart policy')
        .choices(['never', 'on_failure', 'always'])
        .default('on_failure'),
    )
    .option('--backoff <duration>', 'time between automatic restarts')
    .option('--max-attempts <n>', 'automatic restarts in one failure window; 0 = no limit', Number)
    .option('--stable-after <duration>', 'running time that closes a failure window')
    .option('--ttl <duration>', 'stop the instance after this long')
    .option('-d, --detach', 'return as soon as the instance is recorded');
}

function definitionOf(options: Record<string, unknown>, name: string | undefined): Record<string, unknown> {
  const image = String(options.image);
  const asked = options.port as string[];
  const ports = asked.length === 0 && image === DEMO_IMAGE ? DEMO_PORTS : asked;
  const policy = {
    policy: options.restart,
    backoff: options.backoff,
    max_attempts: options.maxAttempts,
    stable_after: options.stableAfter,
  };
  const hasPolicy = Object.values(policy).some((value) => value !== undefined);
  return {
    name: name ?? `${image.toLowerCase().replace(/[^a-z0-9-]/g, '-')}-${systemRandom().hex(NAME_SUFFIX_BYTES)}`,
    image,
    size: options.size,
    vcpus: options.vcpus,
    network: networkOf(options, ports),
    ttl: options.ttl,
    ...(hasPolicy ? { restart_policy: policy } : {}),
  };
}

/** A bridged guest's ports are its own: whoever asks for forwarded ones too is told so by the daemon. */
function networkOf({ network, address, port }: Record<string, unknown>, ports: string[]): Record<string, unknown> {
  if (network !== 'bridge') return { enabled: true, address, ports: ports.map(portOf) };
  return { enabled: true, mode: 'bridge', address, ports: (port as string[]).map(portOf) };
}

function portOf(text: string): { guest_port: number; host_port?: number } {
  const [first, second] = text.split(':');
  if (second === undefined) return { guest_port: Number(first) };
  return { host_port: Number(first), guest_port: Number(second) };
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function addReads(program: Command, output: Output): void {
  add(program, 'ps', 'list instances', async (client, options) => {
    const views = await listOf(client);
    if (options.json === true) return output.line(JSON.stringify(views));
    for (const line of instanceTable(views)) output.line(line);
  });
  add(program, 'get <instance>', 'show one instance', async (client, options, instance) => {
    const view = (await client.call('GET', path(instance))) as InstanceView;
    if (options.json === true) return output.line(JSON.stringify(view));
    const rows = Object.entries(view).map(([key, value]) => [
      key,
      typeof value === 'string' ? value : JSON.stringify(value),
    ]);
    for (const line of table(rows)) output.line(line);
  });
  add(program, 'wait <instance>', 'wait until an instance is in a state', async (client, options, instance) => {
    const query = new URLSearchParams({ state: String(options.state), timeout: String(options.timeout) });
    const answer = (await client.call('GET', `${path(instance)}/wait?${query}`)) as {
      state: string;
      timed_out: boolean;
    };
    output.line(options.json === true ? JSON.stringify(answer) : answer.state);
    if (answer.state !== options.state) throw new CliError('not_reached', `${instance} is ${answer.state}.`);
  })
    .option('--state <state>', 'state to wait for', 'Running')
    .option('--timeout <duration>', 'how long', '60s');
  add(program, 'history <instance>', 'everything that happened to an instance', async (client, options, instance) => {
    for await (const record of historyOf(client, instance)) {
      output.line(options.json === true ? JSON.stringify(record) : historyLine(record));
    }
  });
}

async function listOf(client: Client): Promise<InstanceView[]> {
  const views: InstanceView[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const query = new URLSearchParams(after === '' ? {} : { after });
    const page = (await client.call('GET', `${ROOT}?${query}`)) as { instances: InstanceView[]; next: string | null };
    views.push(...page.instances);
    after = page.next;
  }
  return views;
}

async function* historyOf(client: Client, instance: string | undefined): AsyncGenerator<InstanceRecord> {
  for (let from: number | null = 1; from !== null; ) {
    const query = new URLSearchParams({ from: String(from), limit: String(HISTORY_PAGE) });
    const page = await client.call('GET', `${path(instance)}/history?${query}`);
    const { records, next } = page as { records: InstanceRecord[]; next: number | null };
    yield* records;
    from = next;
  }
}

function waitOf(options: Record<string, unknown>): { wait?: string } {
  return options.wait === false ? {} : { wait: OUTCOME_WAIT };
}

function path(instance: string | undefined): string {
  return `${ROOT}/${encodeURIComponent(instance ?? '')}`;
}

function show(output: Output, options: Common, answer: unknown): void {
  const view = answer as InstanceView;
  if (options.json === true) output.line(JSON.stringify(answer));
  else output.line(`${view.name}  ${view.state}  run ${view.run}  ${view.id}`);
}
