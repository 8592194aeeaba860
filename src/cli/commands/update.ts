import { type Command, InvalidArgumentError, Option } from 'commander';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Output } from '../output.ts';
import { addCommand, instancePath, type Options, showInstance } from './command.ts';
import { addRestartOptions, restartPolicyOf } from './restart-options.ts';

const PORT_MAX = 65_535;
const TARGET_WANTED = 'expected http:PORT or http:PORT/PATH, tcp:PORT, or none';

export function addUpdate(program: Command, output: Output): void {
  const command = addCommand(
    program,
    'update <instance>',
    'change policies and expiry; each policy is replaced whole, what is not named stays',
    async (client, options, instance) => {
      const view = await client.call('PATCH', instancePath(instance), changesOf(options));
      showInstance(output, options, view as InstanceView);
    },
  );
  addRestartOptions(command);
  command
    .option(
      '--health <target>',
      'health check: http:PORT/PATH, tcp:PORT, or none (recorded; nothing asks the guest yet)',
      healthTarget,
    )
    .option('--health-interval <duration>', 'time between two probes, with --health')
    .option(
      '--auto-standby <duration>',
      'standby after so long without connections, or off (recorded; nothing watches traffic yet)',
    )
    .option('--ttl <duration>', 'expires after this long; 0 = never')
    .option('--expires-at <time>', 'expires then: 2026-01-01T12:00:00Z')
    .addOption(new Option('--on-expiry <what>', 'what happens then').choices(['stop', 'delete']))
    .option('--before-stop <hook>', 'hook of the host to run before a stop')
    .option('--before-standby <hook>', 'hook of the host to run before standby')
    .option('--no-hooks', 'run no hooks any more');
}

function changesOf(options: Options): Record<string, unknown> {
  const { health, healthInterval, autoStandby, ttl, expiresAt, onExpiry, beforeStop, beforeStandby } = options;
  const check = health === undefined ? {} : { health_check: { ...(health as object), interval: healthInterval } };
  const standby = autoStandby === 'off' ? { enabled: false } : { enabled: true, idle_timeout: autoStandby };
  const hooks = { before_stop: beforeStop, before_standby: beforeStandby };
  const hasHooks = beforeStop !== undefined || beforeStandby !== undefined;
  return {
    ...restartPolicyOf(options),
    ...check,
    ...(autoStandby === undefined ? {} : { auto_standby: standby }),
    ...(ttl === '0' ? { ttl: '0s' } : { ttl }),
    expires_at: expiresAt,
    on_expiry: onExpiry,
    ...(hasHooks ? { hooks } : options.hooks === false ? { hooks: null } : {}),
  };
}

/** `http:80/health` is what is asked at which port. */
function healthTarget(text: string): Record<string, unknown> {
  if (text === 'none') return { type: 'none' };
  const [, kind, port, path] = /^(http|tcp):(\d+)(\/\S*)?$/.exec(text) ?? [];
  const number = Number(port);
  if (kind === undefined || number < 1 || number > PORT_MAX || (kind === 'tcp' && path !== undefined)) {
    throw new InvalidArgumentError(TARGET_WANTED);
  }
  return { type: kind, [kind]: { port: number, ...(path === undefined ? {} : { path }) } };
}
