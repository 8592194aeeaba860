import { parseDuration } from '../../../machines/duration.ts';
import { type ErrorCode, StatevisorError } from '../../actors/errors.ts';
import type { Acceptance, CommandMeta, InstanceCommand } from '../../actors/supervisor.ts';
import { type InstanceView, instanceView } from '../../projections/instance-view.ts';
import { checked } from '../requests/checked.ts';
import { parseCreate } from '../requests/create.ts';
import { requireWayIn } from '../requests/health-check.ts';
import { holdRequest, parsePlain, stopRequest } from '../requests/target.ts';
import { parseUpdate } from '../requests/update.ts';
import {
  type Caller,
  COMMAND_VERBS,
  type CommandOutcome,
  type CommandVerb,
  type Reply,
  type UseCase,
  type UseCaseOptions,
  type UseCases,
} from './contract.ts';
import { digestOf } from './digest.ts';
import { judgeOf } from './outcomes.ts';
import type { Sight, Waiting } from './waiting.ts';

type PlainVerb = 'start' | 'restart' | 'standby' | 'restore' | 'delete' | 'ignore' | 'cancel_restart' | 'reset_restart';

/** The use cases that change something: parse, hand over once, and answer at acceptance or with the outcome. */
export function commandUseCases(options: UseCaseOptions, waiting: Waiting): Pick<UseCases, CommandVerb> {
  const sender = new CommandSender(options, waiting);
  const plain =
    (verb: PlainVerb): UseCase =>
    async (input, caller) => {
      const { id, waitMs } = parsePlain(input);
      return sender.send({ verb, id, waitMs, input, caller }, { type: verb, by: caller.actor });
    };
  const open: Pick<UseCases, CommandVerb> = {
    create: (input, caller) => sender.create(input, caller),
    update: (input, caller) => sender.update(input, caller),
    hold: (input, caller) => sender.hold(input, caller),
    stop: async (input, caller) => {
      const { id, force, wait } = checked(stopRequest, input);
      const command = { type: 'stop' as const, by: caller.actor, ...(force ? { force } : {}) };
      return sender.send({ verb: 'stop', id, waitMs: wait, input, caller }, command);
    },
    start: plain('start'),
    restart: plain('restart'),
    standby: plain('standby'),
    restore: plain('restore'),
    delete: plain('delete'),
    ignore: plain('ignore'),
    cancel_restart: plain('cancel_restart'),
    reset_restart: plain('reset_restart'),
  };
  const remembering =
    (verb: CommandVerb): UseCase =>
    async (input, caller) => {
      try {
        return await open[verb](input, caller);
      } catch (refusal) {
        const earlier = caller.commandId === undefined ? null : await sender.recall(verb, input, caller);
        if (earlier === null) throw refusal;
        return earlier;
      }
    };
  return Object.fromEntries(COMMAND_VERBS.map((verb) => [verb, remembering(verb)])) as Record<CommandVerb, UseCase>;
}

interface Request {
  readonly verb: CommandVerb;
  readonly id: string;
  readonly waitMs: number | null;
  readonly input: unknown;
  readonly caller: Caller;
}

class CommandSender {
  readonly #options: UseCaseOptions;
  readonly #waiting: Waiting;

  constructor(options: UseCaseOptions, waiting: Waiting) {
    this.#options = options;
    this.#waiting = waiting;
  }

  async create(input: unknown, caller: Caller): Promise<Reply> {
    const { definition, wanted, waitMs } = parseCreate(input, this.#options.clock.now());
    const meta = metaOf('create', input, caller);
    const problem = await this.#options.checkImage(definition.image, definition.memory_bytes);
    if (problem !== null) throw imageRefusal(definition.image, problem);
    const acceptance = await this.#options.supervisor.create(definition, wanted, meta);
    return this.#answer('create', acceptance, { waitMs, wanted, caller });
  }

  async update(input: unknown, caller: Caller): Promise<Reply> {
    const now = this.#options.clock.now();
    const { id, changes, waitMs } = parseUpdate(input, now);
    const present = this.#present(id);
    if (present !== undefined) requireWayIn(changes.health_check, present);
    return this.send({ verb: 'update', id, waitMs, input, caller }, { type: 'update', by: caller.actor, changes });
  }

  async hold(input: unknown, caller: Caller): Promise<Reply> {
    const given = checked(holdRequest, input);
    if (given.for !== undefined && given.until !== undefined) {
      throw new StatevisorError('invalid_request', 'for and until exclude each other; give one.', { field: 'for' });
    }
    const now = this.#options.clock.now();
    const until = given.until ?? now + this.#holdLength(given.id, given.for);
    if (until <= now) throw new StatevisorError('invalid_request', 'until must be in the future.', { field: 'until' });
    const request: Request = { verb: 'hold', id: given.id, waitMs: given.wait, input, caller };
    try {
      return await this.send(request, { type: 'hold', by: caller.actor, until });
    } catch (error) {
      throw asleep(error, this.#present(given.id));
    }
  }

  async send({ verb, id, waitMs, input, caller }: Request, command: InstanceCommand): Promise<Reply> {
    const meta = metaOf(verb, input, caller);
    const acceptance = await this.#options.supervisor.command(this.#target(id, caller), command, meta);
    return this.#answer(verb, acceptance, { waitMs, wanted: 'running', caller });
  }

  /**
   * The answer to a command that was accepted before, whatever would be said against it today: its time may have
   * passed, its image may be gone. A command to no instance is refused, so asking this way can only look it up.
   */
  async recall(verb: CommandVerb, input: unknown, caller: Caller): Promise<Reply | null> {
    try {
      const lookup: InstanceCommand = { type: 'stop', by: caller.actor };
      const earlier = await this.#options.supervisor.command('', lookup, metaOf(verb, input, caller));
      return await this.#answer(verb, earlier, { waitMs: null, wanted: 'running', caller });
    } catch {
      return null;
    }
  }

  /** A repetition may name an instance that is gone by now: the runtime knows it by the command's id. */
  #target(text: string, caller: Caller): string {
    try {
      return this.#options.supervisor.resolve(text);
    } catch (error) {
      if (caller.commandId !== undefined && error instanceof StatevisorError && error.code === 'not_found') return text;
      throw error;
    }
  }

  #present(text: string): InstanceView | undefined {
    try {
      return this.#options.instances.get(this.#options.supervisor.resolve(text));
    } catch {
      return undefined;
    }
  }

  /** As long as the policy waits for, when the caller does not say. */
  #holdLength(id: string, given: number | undefined): number {
    const policy = String(this.#present(id)?.auto_standby?.idle_timeout ?? '');
    const length = given ?? parseDuration(policy);
    if (length !== null) return length;
    throw new StatevisorError('invalid_request', 'for is required when auto_standby is not enabled.', { field: 'for' });
  }

  async #answer(
    verb: CommandVerb,
    { id, record, definition, position }: Acceptance,
    { waitMs, wanted, caller }: { waitMs: number | null; wanted: 'running' | 'stopped'; caller: Caller },
  ): Promise<Reply> {
    const { host, instances } = this.#options;
    const accepted = instanceView(record, definition);
    const reply = { host, position, status: verb === 'create' ? 201 : 202, version: record.version } as const;
    if (waitMs === null) return { ...reply, body: accepted };
    if (instances.get(id) === undefined) {
      // Gone already; only a delete meant that.
      return { ...reply, status: 200, body: accepted, outcome: verb === 'delete' ? 'reached' : 'missed' };
    }
    const judge = judgeOf(verb, wanted);
    const judgeSight = (sight: Sight): { outcome: CommandOutcome; view: InstanceView } | null => {
      const outcome = judge(sight);
      return outcome === null ? null : { outcome, view: sight.view };
    };
    const settled = await this.#waiting.outcome(id, waitMs, judgeSight, caller.signal);
    const { outcome, view } = settled ?? { outcome: 'timed_out' as const, view: instances.get(id) ?? accepted };
    const status = verb === 'create' ? 201 : outcome === 'timed_out' ? 202 : 200;
    // Whoever reads on from here must see the outcome, not only the command.
    return { ...reply, position: instances.position(), status, body: view, version: view.version, outcome };
  }
}

function metaOf(verb: CommandVerb, input: unknown, caller: Caller): CommandMeta {
  const { actor, via, commandId, correlation, trace } = caller;
  const digest = commandId === undefined ? undefined : digestOf(verb, input);
  return { actor, via, commandId, digest, correlation, trace };
}

function imageRefusal(image: string, problem: { code: string; message: string }): StatevisorError {
  const message = problem.message.endsWith('.') ? problem.message : `${problem.message}.`;
  if (problem.code === 'memory_too_small') {
    return new StatevisorError('memory_too_small', message, { field: 'size', details: { image } });
  }
  const code: ErrorCode = problem.code === 'image_not_found' ? 'image_not_found' : 'image_not_ready';
  return new StatevisorError(code, message, { field: 'image', details: { image } });
}

/** A hold that comes too late has a code of its own: whoever sent it must restore first. */
function asleep(error: unknown, view: InstanceView | undefined): unknown {
  const late = view?.state === 'Standby' || view?.state === 'Paused';
  if (!late || !(error instanceof StatevisorError) || error.code !== 'invalid_state') return error;
  return new StatevisorError('instance_in_standby', 'The instance is in standby, or on its way there.', {
    details: error.details,
  });
}
