import { type Command, Option } from 'commander';
import { systemClock } from '../../actors/clock.ts';
import { LIST_LIMIT_MAX } from '../../gateway/requests/target.ts';
import type { WholeView } from '../../gateway/use-cases/readings.ts';
import type { StandbyReport } from '../../gateway/use-cases/standby-status.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { CliError, type Client } from '../client.ts';
import { instanceRows } from '../instance-words.ts';
import { instanceTable, type Output, table } from '../output.ts';
import { standbyRows } from '../standby-words.ts';
import { wakefulnessColumns } from '../wakefulness-words.ts';
import {
  addCommand,
  INSTANCES,
  instancePath,
  notReached,
  type Options,
  OUTCOME_WAIT,
  showInstance,
  waitOf,
} from './command.ts';

/** The commands that look at instances, and those that start and stop them. */

export function addInstanceCommands(program: Command, output: Output): void {
  addReads(program, output);
  for (const [verb, description, wished] of [
    ['start', 'start an instance', 'Running'],
    ['stop', 'stop an instance; it stays stopped', 'Stopped'],
    ['restart', 'stop and start an instance, or step into its automatic restarts', 'Running'],
    ['standby', 'put an instance to sleep', 'Standby'],
    ['restore', 'wake an instance', 'Running'],
  ] as const) {
    const command = addCommand(program, `${verb} <instance>`, description, async (client, options, instance) => {
      if (options.status === true) return showStandby(output, client, options, instance);
      const step = verb === 'restart' ? stepOf(options) : null;
      if (step !== null) {
        return showInstance(
          output,
          options,
          (await client.call('POST', `${instancePath(instance)}/${step}`, {})) as InstanceView,
        );
      }
      const body = { ...(options.force === true ? { force: true } : {}), ...waitOf(options) };
      const view = (await client.call('POST', `${instancePath(instance)}/${verb}`, body)) as InstanceView;
      showInstance(output, options, view);
      if (options.wait !== false && view.state !== wished) {
        throw notReached(view, `is ${view.state}, not ${wished}`);
      }
    });
    command.option('--no-wait', 'return as soon as the command is recorded');
    if (verb === 'stop') command.option('--force', 'do not ask the guest');
    if (verb === 'standby') command.option('--status', 'only show how standby stands, and why the guest is awake');
    if (verb === 'restart') {
      command
        .addOption(
          new Option('--cancel', 'only do without the automatic restart that is pending; it stays wanted').conflicts(
            'reset',
          ),
        )
        .option(
          '--reset',
          'only open a new failure window, with a whole budget: starts nothing that is down, but an unhealthy guest is judged again and may be restarted at once',
        );
    }
  }
  addCommand(
    program,
    'ignore <instance>',
    'do nothing automatic about an instance until it is started or stopped',
    async (client, options, instance) => {
      const view = (await client.call('POST', `${instancePath(instance)}/ignore`, {})) as InstanceView;
      showInstance(output, options, view);
    },
  );
  const remove = addCommand(
    program,
    'rm <instances...>',
    'stop instances and remove them, one after the other',
    async (client, options, ...instances) => {
      const query = options.wait === false ? '' : `?wait=${OUTCOME_WAIT}`;
      const failures: CliError[] = [];
      for (const instance of instances) {
        try {
          const answer = (await client.call('DELETE', `${instancePath(instance)}${query}`)) as InstanceView;
          // Its name may be another's soon; its history stays under its id.
          const words = `${answer.name} removed; its history: statevisor history ${answer.id}`;
          output.line(options.json === true ? JSON.stringify(answer) : words);
        } catch (error) {
          if (!(error instanceof CliError)) throw error;
          failures.push(error);
        }
      }
      throwTogether(failures);
    },
  );
  remove.option('--no-wait', 'return as soon as the command is recorded');
}

/** One that could not be dealt with does not keep the others from it; in the end all that went wrong is told. */
function throwTogether(failures: readonly CliError[]): void {
  const [first] = failures;
  if (first !== undefined) throw new CliError(first.code, failures.map(({ message }) => message).join(' '), first);
}

async function showStandby(
  output: Output,
  client: Client,
  options: Options,
  instance: string | undefined,
): Promise<void> {
  const report = (await client.call('GET', `${instancePath(instance)}/auto-standby/status`)) as StandbyReport;
  if (options.json === true) return output.line(JSON.stringify(report));
  for (const line of table(standbyRows(instance ?? '', report, systemClock().now()))) output.line(line);
}

/** What `restart` does instead, when it is only about automatic restarts. */
function stepOf(options: Options): string | null {
  if (options.cancel === true) return 'restart/cancel';
  return options.reset === true ? 'restart/reset' : null;
}

function addReads(program: Command, output: Output): void {
  addCommand(program, 'ps', 'list instances', async (client, options) => {
    const views = await listOf(client, options.awake === true);
    if (options.json === true) return output.line(JSON.stringify(views));
    const now = systemClock().now();
    for (const line of options.awake === true ? table(wakefulnessColumns(views, now)) : instanceTable(views, now)) {
      output.line(line);
    }
  }).option('--awake', 'show who is awake and why, and how long each has been awake and asleep');
  addCommand(program, 'get <instance>', 'show one instance', async (client, options, instance) => {
    const view = (await client.call('GET', instancePath(instance))) as WholeView;
    if (options.json === true) return output.line(JSON.stringify(view));
    for (const line of table(instanceRows(view, systemClock().now()))) output.line(line);
  });
  addCommand(program, 'wait <instance>', 'wait until an instance is in a state', async (client, options, instance) => {
    const query = new URLSearchParams({ state: String(options.state), timeout: String(options.timeout) });
    const answer = (await client.call('GET', `${instancePath(instance)}/wait?${query}`)) as {
      state: string;
      timed_out: boolean;
    };
    output.line(options.json === true ? JSON.stringify(answer) : answer.state);
    if (answer.state !== options.state) throw new CliError('not_reached', `${instance} is ${answer.state}.`);
  })
    .option('--state <state>', 'state to wait for', 'Running')
    .option('--timeout <duration>', 'how long', '60s');
}

async function listOf(client: Client, withWakefulness: boolean): Promise<WholeView[]> {
  const views: WholeView[] = [];
  for (let after: string | null = ''; after !== null; ) {
    const asked = withWakefulness ? { wakefulness: 'true' } : undefined;
    const query = new URLSearchParams({ limit: String(LIST_LIMIT_MAX), after, ...asked });
    const page = (await client.call('GET', `${INSTANCES}?${query}`)) as {
      instances: WholeView[];
      next: string | null;
    };
    views.push(...page.instances);
    after = page.next;
  }
  return views;
}
