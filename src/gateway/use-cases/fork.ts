import type { Definition } from '../../../machines/definition.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { OutcomeUnknownError } from '../../actors/outcome-unknown.ts';
import type { CreateCommand, InstanceCommand } from '../../actors/supervisor.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { checked } from '../requests/checked.ts';
import { forkRequest } from '../requests/snapshots.ts';
import { type CommandSender, imageRefusal, metaOf } from './command-sender.ts';
import type { Caller, Reply, UseCase, UseCaseOptions } from './contract.ts';
import type { Leftovers } from './fork-leftovers.ts';
import { type ForkPlan, forkedDefinition, forkingName, forkPlan } from './fork-source.ts';

/**
 * A new instance that begins with the memory of another one: a snapshot of the source under a name of our own, an
 * instance that takes a copy of it, and then the snapshot is dropped. Each step is a command with a record. Whatever a
 * crash leaves of it bears a name by which it is found and removed, by the next start or by the same fork once more.
 */

/** Forks under way at one time; further ones are refused as `busy`. */
export const FORKS_MAX = 16;
/** The snapshot of the source is there within this time, or the chart has given it up. */
export const FORK_SNAPSHOT_WAIT_MS = 660_000;

interface Fork {
  readonly source: InstanceView;
  readonly definition: Definition;
  readonly plan: ForkPlan;
  /** The snapshot that it begins with, if it begins with one. */
  readonly snapshot: string;
  readonly waitMs: number | null;
  readonly input: unknown;
  readonly caller: Caller;
}

export function forkUseCase(options: UseCaseOptions, sender: CommandSender, leftovers: Leftovers): UseCase {
  const forks = new Forks(options, sender, leftovers);
  return (input, caller) => forks.fork(input, caller);
}

class Forks {
  readonly #options: UseCaseOptions;
  readonly #sender: CommandSender;
  readonly #leftovers: Leftovers;
  #underWay = 0;

  constructor(options: UseCaseOptions, sender: CommandSender, leftovers: Leftovers) {
    this.#options = options;
    this.#sender = sender;
    this.#leftovers = leftovers;
  }

  async fork(input: unknown, caller: Caller): Promise<Reply> {
    const { id: text, wait, ...wish } = checked(forkRequest, input);
    const id = this.#options.supervisor.resolve(text);
    const snapshot = forkingName(id, wish.name);
    if (this.#underWay >= FORKS_MAX) throw new StatevisorError('busy', 'Too many forks are under way.');
    this.#underWay += 1;
    try {
      return await this.#leftovers.alone(snapshot, async () => {
        const earlier = await this.#repeat(input, caller, wait);
        if (earlier !== null) return earlier;
        const source = this.#options.instances.get(id);
        const { context } = await this.#options.supervisor.look(id);
        if (source === undefined || context.definition === null) {
          throw new StatevisorError('not_found', `There is no instance ${text}.`);
        }
        const plan = forkPlan(source, wish);
        this.#refuseTakenName(wish.name);
        const definition = forkedDefinition(context.definition, wish.name);
        return this.#begin({
          source,
          definition,
          plan,
          snapshot: wish.snapshot ?? snapshot,
          waitMs: wait,
          input,
          caller,
        });
      });
    } finally {
      this.#underWay -= 1;
    }
  }

  /** The same fork was made before: it is answered from its record. */
  async #repeat(input: unknown, caller: Caller, waitMs: number | null): Promise<Reply | null> {
    if (caller.commandId === undefined) return null;
    const acceptance = await this.#sender.accepted('fork', input, caller);
    return acceptance === null ? null : this.#sender.answer(acceptance, { verb: 'fork', waitMs, caller });
  }

  /** Before the guest of the source is troubled. That the name is free is settled by the create alone. */
  #refuseTakenName(name: string): void {
    const holder = this.#sender.present(name);
    if (holder?.name !== name) return;
    const about = { field: 'name', details: { id: holder.id } };
    throw new StatevisorError('name_conflict', `The name ${name} is taken.`, about);
  }

  async #begin(fork: Fork): Promise<Reply> {
    const { source, definition, plan, snapshot } = fork;
    if (plan.memory === 'none') {
      // A guest that begins with its memory has no need of the image yet.
      const problem = await this.#options.checkImage(definition.image, definition.memory_bytes);
      if (problem !== null) throw imageRefusal(definition.image, problem);
      return this.#create(fork, { instance: source.id, snapshot: null });
    }
    if (plan.memory === 'named') return this.#create(fork, { instance: source.id, snapshot });
    await this.#takeSnapshot(fork);
    try {
      const reply = await this.#create(fork, { instance: source.id, snapshot });
      this.#leftovers.dropSoon(source.id, snapshot);
      return reply;
    } catch (error) {
      // Whether there is a fork that needs it is then known at the next start.
      if (!(error instanceof OutcomeUnknownError)) this.#leftovers.dropSoon(source.id, snapshot);
      throw error;
    }
  }

  async #create({ definition, plan, waitMs, input, caller }: Fork, from: CreateCommand['from']): Promise<Reply> {
    const wanted = plan.target === 'Running' ? 'running' : 'stopped';
    const meta = metaOf('fork', input, caller);
    const acceptance = await this.#options.supervisor.create(definition, wanted, meta, from);
    const wish = { wanted: plan.target === 'Standby' ? 'standby' : wanted } as const;
    return this.#sender.answer(acceptance, { verb: 'fork', waitMs, caller, wish });
  }

  /** Goes on when whoever asked has left: a guest must not stay paused for that. */
  async #takeSnapshot({ source, snapshot, caller }: Fork): Promise<void> {
    const { commandId: _fork, signal: _signal, ...asking } = caller;
    // What an earlier attempt has left holds the guest as it was then.
    await this.#leftovers.drop(source.id, snapshot);
    const command: InstanceCommand = { type: 'create_snapshot', by: caller.actor, name: snapshot };
    const request = {
      verb: 'create_snapshot',
      id: source.id,
      waitMs: FORK_SNAPSHOT_WAIT_MS,
      input: { id: source.id, name: snapshot },
      caller: asking,
      wish: { snapshot },
    } as const;
    const { outcome, body } = await this.#sender.send(request, command).catch((error: unknown) => {
      throw asFork(error, source);
    });
    if (outcome === 'reached') return;
    this.#leftovers.dropSoon(source.id, snapshot);
    const { state, state_error } = body as InstanceView;
    const because = state_error === null ? '' : ` ${state_error}`;
    throw new StatevisorError('not_reached', `No snapshot of ${source.name} could be taken.${because}`, {
      details: { state, state_error },
    });
  }
}

/** What the chart of the source said against a snapshot it says against the fork. */
function asFork(error: unknown, { name, state }: InstanceView): unknown {
  if (!(error instanceof StatevisorError) || error.code !== 'invalid_state') return error;
  const message = `fork needs a snapshot of ${name}, and none can be taken while it is ${state}.`;
  return new StatevisorError('invalid_state', message, {
    details: { ...error.details, command: 'fork' },
    cause: error,
  });
}
