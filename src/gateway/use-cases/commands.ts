import { checked } from '../requests/checked.ts';
import { requireWayIn } from '../requests/health-check.ts';
import { parsePlain, stopRequest } from '../requests/target.ts';
import { parseUpdate } from '../requests/update.ts';
import { CommandSender } from './command-sender.ts';
import { COMMAND_VERBS, type CommandVerb, type UseCase, type UseCaseOptions, type UseCases } from './contract.ts';
import { forkUseCase } from './fork.ts';
import { createLeftovers } from './fork-leftovers.ts';
import { holdUseCase } from './hold.ts';
import { snapshotUseCases } from './snapshots.ts';
import type { Waiting } from './waiting.ts';

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
  const hold = holdUseCase(options, sender);
  const open: Pick<UseCases, CommandVerb> = {
    create: (input, caller) => sender.create(input, caller),
    update: async (input, caller) => {
      const { id, changes, waitMs } = parseUpdate(input, options.clock.now());
      const present = sender.present(id);
      if (present !== undefined) requireWayIn(changes.health_check, present);
      return sender.send({ verb: 'update', id, waitMs, input, caller }, { type: 'update', by: caller.actor, changes });
    },
    hold: hold.place,
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
    ...snapshotUseCases(sender),
    fork: forkUseCase(options, sender, options.leftovers ?? createLeftovers(options, waiting)),
  };
  const remembering =
    (verb: CommandVerb): UseCase =>
    async (input, caller) => {
      try {
        return await open[verb](input, caller);
      } catch (refusal) {
        if (caller.commandId === undefined) throw refusal;
        const earlier = await sender.recall(verb, input, caller, verb === 'hold' ? hold.answer : undefined);
        if (earlier === null) throw refusal;
        return earlier;
      }
    };
  return Object.fromEntries(COMMAND_VERBS.map((verb) => [verb, remembering(verb)])) as Record<CommandVerb, UseCase>;
}
