import { type Command, InvalidArgumentError, Option } from 'commander';
import { VCPUS_MAX } from '../../../machines/definition.ts';
import { systemRandom } from '../../actors/clock.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { CliError } from '../client.ts';
import { type Output, portLines } from '../output.ts';
import {
  addCommand,
  INSTANCES,
  instancePath,
  type Options,
  OUTCOME_WAIT,
  showInstance,
  wholeNumber,
} from './command.ts';
import { addHealthOptions, checkedPort, healthCheckOf } from './health-options.ts';
import { addHookOptions, hooksOf } from './hook-options.ts';
import { addLifetimeOptions, lifetimeOf } from './lifetime-options.ts';
import { addRestartOptions, restartPolicyOf } from './restart-options.ts';
import { addStandbyOptions, autoStandbyOf, schedulesOf } from './standby-options.ts';
import { warnOfSleeplessness } from './standby-warnings.ts';

const DEMO_IMAGE = 'demo';
const DEMO_PORTS = [{ guest_port: 80 }, { guest_port: 7 }];
const NAME_SUFFIX_BYTES = 3;
const PORT_MAX = 65_535;

export function addRun(program: Command, output: Output): void {
  const command = addCommand(
    program,
    'run [name]',
    'create an instance and start it',
    async (client, options, name) => {
      const created = (await client.call('POST', INSTANCES, definitionOf(options, name))) as InstanceView;
      if (options.detach === true) {
        showInstance(output, options, created);
        return warnOfSleeplessness({ client, output }, options, created);
      }
      if (options.json !== true) output.note(`${created.name} (${created.id}) is booting...`);
      const waited = `${instancePath(created.id)}/wait?state=Running&timeout=${OUTCOME_WAIT}`;
      const outcome = (await client.call('GET', waited)) as { state: string; timed_out: boolean };
      const view = (await client.call('GET', instancePath(created.id))) as InstanceView;
      if (outcome.state !== 'Running') {
        throw new CliError(
          'not_running',
          notRunning(created.name, outcome.state, view.state_error ?? view.exit_message),
        );
      }
      showInstance(output, options, view);
      if (options.json !== true) for (const line of portLines(view)) output.line(line);
      await warnOfSleeplessness({ client, output }, options, view);
    },
  );
  command
    .option('--image <name>', 'image to boot', DEMO_IMAGE)
    .option('--size <size>', 'memory, for example 256MB (default: 1GB)')
    .option('--vcpus <n>', 'virtual processors', wholeNumber(1, VCPUS_MAX))
    .option(
      '-p, --port <port>',
      'forward a port to the guest: PORT, or HOST_PORT:PORT; may be repeated',
      collectPort,
      [],
    )
    .addOption(
      new Option('--network <mode>', 'how the guest is reached: at ports of the host, or at its own address')
        .choices(['user', 'bridge'])
        .default('user'),
    )
    .option('--address <address>', 'address of a bridged guest; the host picks one otherwise')
    .option('-d, --detach', 'return as soon as the instance is recorded');
  addRestartOptions(command, { policy: 'on_failure' });
  addHealthOptions(command);
  addStandbyOptions(command);
  addLifetimeOptions(command);
  addHookOptions(command);
}

function notRunning(name: string, state: string, because: string | null): string {
  return `${name} is ${state}${because === null ? '' : `: ${because}`}. \`statevisor history ${name}\` tells why.`;
}

function definitionOf(options: Options, name: string | undefined): Record<string, unknown> {
  const image = String(options.image);
  const asked = options.port as PortForward[];
  const ports = withChecked(asked.length === 0 && image === DEMO_IMAGE ? DEMO_PORTS : asked, checkedPort(options));
  return {
    name: name ?? `${image.toLowerCase().replace(/[^a-z0-9-]/g, '-')}-${systemRandom().hex(NAME_SUFFIX_BYTES)}`,
    image,
    size: options.size,
    vcpus: options.vcpus,
    network: networkOf(options, ports),
    ...restartPolicyOf(options),
    ...healthCheckOf(options),
    ...autoStandbyOf(options),
    ...schedulesOf(options),
    ...lifetimeOf(options),
    ...hooksOf(options),
  };
}

/** A bridged guest's ports are its own: whoever asks for forwarded ones too is told so by the daemon. */
function networkOf({ network, address, port }: Options, ports: readonly PortForward[]): Record<string, unknown> {
  if (network !== 'bridge') return { enabled: true, address, ports };
  return { enabled: true, mode: 'bridge', address, ports: port };
}

/** A check reaches a guest without an address of its own at a forwarded port only. */
function withChecked(ports: readonly PortForward[], checked: number | undefined): readonly PortForward[] {
  const isThere = checked === undefined || ports.some(({ guest_port }) => guest_port === checked);
  return isThere ? ports : [...ports, { guest_port: checked }];
}

interface PortForward {
  readonly guest_port: number;
  /** Absent: the host picks one. */
  readonly host_port?: number;
}

function collectPort(text: string, before: readonly PortForward[]): PortForward[] {
  const numbers = text.split(':').map((part) => (/^\d+$/.test(part) ? Number(part) : 0));
  const [first = 0, second] = numbers;
  if (numbers.length > 2 || numbers.some((port) => port < 1 || port > PORT_MAX)) {
    throw new InvalidArgumentError(`expected PORT or HOST_PORT:PORT, each from 1 to ${PORT_MAX}, for example 8080:80`);
  }
  return [...before, second === undefined ? { guest_port: first } : { host_port: first, guest_port: second }];
}
