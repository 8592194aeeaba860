import { StatevisorError } from '../../actors/errors.ts';
import { commandUseCases } from './commands.ts';
import { SCOPE_OF, type UseCase, type UseCaseOptions, type UseCases, VERBS, type Verb } from './contract.ts';
import { readUseCases } from './reads.ts';
import { createWaiting } from './waiting.ts';

/** Characters of a client's command id. */
export const COMMAND_ID_MAX = 128;
const COMMAND_ID_PATTERN = /^[\x21-\x7e]+$/;

/** One implementation of each use case, for every door. Who may not call it learns that first. */
export function createUseCases(options: UseCaseOptions): UseCases {
  const waiting = createWaiting(options.instances, options.clock);
  const open: UseCases = { ...commandUseCases(options, waiting), ...readUseCases(options, waiting) };
  return Object.fromEntries(VERBS.map((verb) => [verb, guarded(verb, open[verb])])) as Record<Verb, UseCase>;
}

function guarded(verb: Verb, useCase: UseCase): UseCase {
  return async (input, caller) => {
    const scope = SCOPE_OF[verb];
    if (!caller.scopes.includes(scope)) {
      throw new StatevisorError('forbidden', `${verb} needs a token with the scope ${scope}.`, { details: { scope } });
    }
    requireCommandId(caller.commandId);
    return useCase(input, caller);
  };
}

function requireCommandId(id: string | undefined): void {
  if (id === undefined || (id.length <= COMMAND_ID_MAX && COMMAND_ID_PATTERN.test(id))) return;
  const message = `The command id must be 1 to ${COMMAND_ID_MAX} printable characters without spaces.`;
  throw new StatevisorError('invalid_request', message, { field: 'command_id' });
}

/** The verb of that name; an event that no door may send is none. */
export function verbNamed(text: string): Verb {
  const verb = VERBS.find((candidate) => candidate === text);
  if (verb !== undefined) return verb;
  throw new StatevisorError('unknown_verb', `There is no verb of that name; there are ${VERBS.join(', ')}.`, {
    details: { verbs: VERBS },
  });
}
