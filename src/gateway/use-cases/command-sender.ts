import { type ErrorCode, StatevisorError } from '../../actors/errors.ts';
import type { Acceptance, CommandMeta, InstanceCommand } from '../../actors/supervisor.ts';
import { type InstanceView, instanceView } from '../../projections/instance-view.ts';
import { parseCreate } from '../requests/create.ts';
import type { Caller, CommandOutcome, CommandVerb, Reply, UseCaseOptions } from './contract.ts';
import { digestOf } from './digest.ts';
import { judgeOf, type Wish } from './outcomes.ts';
import type { Sight, Waiting } from './waiting.ts';

/** One request of a caller, on its way to being a command. */
export interface Request {
  readonly verb: CommandVerb;
  readonly id: string;
  readonly waitMs: number | null;
  readonly input: unknown;
  readonly caller: Caller;
  /** What its outcome is judged by, where the verb alone does not say it. */
  readonly wish?: Wish;
}

/** Makes the answer to an accepted command. */
type Answer = (acceptance: Acceptance) => Promise<Reply>;

/** Hands commands over once, and answers at acceptance or with the outcome. */
export class CommandSender {
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
    return this.answer(acceptance, { verb: 'create', waitMs, caller, wish: { wanted } });
  }

  send(request: Request, command: InstanceCommand): Promise<Reply> {
    return this.sendAnd(request, command, (acceptance) => this.answer(acceptance, request));
  }

  async sendAnd({ verb, id, input, caller }: Request, command: InstanceCommand, answer: Answer): Promise<Reply> {
    const meta = metaOf(verb, input, caller);
    return answer(await this.#options.supervisor.command(this.#target(id, caller), command, meta));
  }

  /**
   * The answer to a command that was accepted before, whatever would be said against it today: its time may have
   * passed, its image may be gone.
   */
  async recall(verb: CommandVerb, input: unknown, caller: Caller, answer?: Answer): Promise<Reply | null> {
    try {
      const earlier = await this.accepted(verb, input, caller);
      if (earlier === null) return null;
      return await (answer?.(earlier) ?? this.answer(earlier, { verb, waitMs: null, caller }));
    } catch {
      return null;
    }
  }

  /** A command to no instance is refused, so asking this way can only look it up. Throws for another payload under its id. */
  async accepted(verb: CommandVerb, input: unknown, caller: Caller): Promise<Acceptance | null> {
    try {
      const lookup: InstanceCommand = { type: 'stop', by: caller.actor };
      return await this.#options.supervisor.command('', lookup, metaOf(verb, input, caller));
    } catch (error) {
      if (error instanceof StatevisorError && error.code === 'not_found') return null;
      throw error;
    }
  }

  present(text: string): InstanceView | undefined {
    try {
      return this.#options.instances.get(this.#options.supervisor.resolve(text));
    } catch {
      return undefined;
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

  async answer(
    { id, record, definition, position }: Acceptance,
    { verb, waitMs, caller, wish }: Pick<Request, 'verb' | 'waitMs' | 'caller' | 'wish'>,
  ): Promise<Reply> {
    const { host, instances } = this.#options;
    const accepted = instanceView(record, definition);
    const isNew = verb === 'create' || verb === 'fork';
    const reply = { host, position, status: isNew ? 201 : 202, version: record.version } as const;
    if (waitMs === null) return { ...reply, body: accepted };
    if (instances.get(id) === undefined) {
      // Gone already; only a delete meant that.
      return { ...reply, status: 200, body: accepted, outcome: verb === 'delete' ? 'reached' : 'missed' };
    }
    const judge = judgeOf(verb, wish ?? {});
    const judgeSight = (sight: Sight): { outcome: CommandOutcome; view: InstanceView } | null => {
      const outcome = judge(sight);
      return outcome === null ? null : { outcome, view: sight.view };
    };
    const settled = await this.#waiting.outcome(id, waitMs, judgeSight, caller.signal);
    const { outcome, view } = settled ?? { outcome: 'timed_out' as const, view: instances.get(id) ?? accepted };
    const status = isNew ? 201 : outcome === 'timed_out' ? 202 : 200;
    // Whoever reads on from here must see the outcome, not only the command.
    return { ...reply, position: instances.position(), status, body: view, version: view.version, outcome };
  }
}

export function metaOf(verb: CommandVerb, input: unknown, caller: Caller): CommandMeta {
  const { actor, via, commandId, correlation, trace } = caller;
  const digest = commandId === undefined ? undefined : digestOf(verb, input);
  return { actor, via, commandId, digest, correlation, trace };
}

export function imageRefusal(image: string, problem: { code: string; message: string }): StatevisorError {
  const message = problem.message.endsWith('.') ? problem.message : `${problem.message}.`;
  if (problem.code === 'memory_too_small') {
    return new StatevisorError('memory_too_small', message, { field: 'size', details: { image } });
  }
  const code: ErrorCode = problem.code === 'image_not_found' ? 'image_not_found' : 'image_not_ready';
  return new StatevisorError(code, message, { field: 'image', details: { image } });
}
