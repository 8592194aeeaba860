import { StatevisorError } from '../../actors/errors.ts';
import { commandUseCases } from './commands.ts';
import {
  type Caller,
  HOST_SCOPE_OF,
  HOST_VERBS,
  type HostUseCases,
  type HostVerb,
  SCOPE_OF,
  type Scope,
  type UseCase,
  type UseCaseOptions,
  type UseCases,
  VERBS,
  type Verb,
} from './contract.ts';
import { historyUseCase } from './history.ts';
import { type HostUseCaseOptions, hostUseCases } from './host.ts';
import { createLogReader, logsUseCase } from './logs.ts';
import { readUseCases } from './reads.ts';
import { listSnapshotsUseCase } from './snapshots.ts';
import { standbyStatusUseCase } from './standby-status.ts';
import { createWaiting } from './waiting.ts';

/** Characters of a client's command id. */
export const COMMAND_ID_MAX = 128;
const COMMAND_ID_PATTERN = /^[\x21-\x7e]+$/;

/** One implementation of each use case, for every door. Who may not call it learns that first. */
export function createUseCases(options: UseCaseOptions): UseCases {
  const waiting = createWaiting(options.instances, options.clock);
  const open: UseCases = {
    ...commandUseCases(options, waiting),
    ...readUseCases(options, waiting),
    auto_standby_status: standbyStatusUseCase(options, waiting),
    list_snapshots: listSnapshotsUseCase(options, waiting),
    history: historyUseCase(options, waiting),
    logs: logsUseCase(options, createLogReader(options)),
  };
  return Object.fromEntries(VERBS.map((verb) => [verb, guarded(verb, SCOPE_OF[verb], open[verb])])) as Record<
    Verb,
    UseCase
  >;
}

/** The same for the verbs on the host itself. */
export function createHostUseCases(options: HostUseCaseOptions): HostUseCases {
  const open = hostUseCases(options);
  const guardedOnes = HOST_VERBS.map((verb) => [verb, guarded(`host ${verb}`, HOST_SCOPE_OF[verb], open[verb])]);
  return Object.fromEntries(guardedOnes) as Record<HostVerb, UseCase>;
}

function guarded(what: string, scope: Scope, useCase: UseCase): UseCase {
  return async (input, caller) => {
    requireScope(what, scope, caller);
    requireCommandId(caller.commandId);
    return useCase(input, caller);
  };
}

export function requireScope(what: string, scope: Scope, caller: Caller): void {
  if (caller.scopes.includes(scope)) return;
  throw new StatevisorError('forbidden', `${what} needs a token with the scope ${scope}.`, { details: { scope } });
}

function requireCommandId(id: string | undefined): void {
  if (id === undefined || (id.length <= COMMAND_ID_MAX && COMMAND_ID_PATTERN.test(id))) return;
  const message = `The command id must be 1 to ${COMMAND_ID_MAX} printable characters without spaces.`;
  throw new StatevisorError('invalid_request', message, { field: 'command_id' });
}

/** The verb of that name; an event that no door may send is none. */
export function verbNamed(text: string): Verb {
  return oneOf(VERBS, text);
}

export function hostVerbNamed(text: string): HostVerb {
  return oneOf(HOST_VERBS, text);
}

function oneOf<V extends string>(verbs: readonly V[], text: string): V {
  const verb = verbs.find((candidate) => candidate === text);
  if (verb !== undefined) return verb;
  const known = verbs.toSorted();
  throw new StatevisorError('unknown_verb', `There is no verb of that name; there are ${known.join(', ')}.`, {
    details: { verbs: known },
  });
}
