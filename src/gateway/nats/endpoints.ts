import { groupPrefix } from './subjects.ts';
import type { VerbDescription, VerbGroup } from './verb-groups.ts';

/** Daemons of this queue group share the subjects that name no host. */
export const QUEUE_GROUP = 'statevisor';

/** A verb under one of its subjects, and what came of the requests to it. */
export interface Endpoint {
  /** Unique in the service: letters, digits, `-` and `_`. */
  readonly name: string;
  readonly subject: string;
  /** Absent where every daemon with this subject hears it: there is only one. */
  readonly queue?: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly tally: Tally;
}

export interface Tally {
  requests: number;
  refusals: number;
  lastRefusal: string;
  /** From the request to its reply, also while it waits for an outcome. */
  elapsedMs: number;
}

/** The subjects of one group at any daemon, or at this one. */
export interface Listening {
  readonly prefix: string;
  readonly queue?: string;
  readonly group: VerbGroup;
  readonly endpoints: ReadonlyMap<string, Endpoint>;
}

/** Every group under the name of this host, and under the common subjects what any daemon may answer. */
export function listeningsOf(groups: readonly VerbGroup[], host: string): Listening[] {
  return groups.flatMap((group) => [
    ...(group.answeredByAny
      ? [listening(group, { prefix: groupPrefix(group.name), queue: QUEUE_GROUP, answeredBy: 'any' })]
      : []),
    listening(group, { prefix: groupPrefix(group.name, host), answeredBy: 'host' }),
  ]);
}

interface Place {
  readonly prefix: string;
  readonly queue?: string;
  readonly answeredBy: 'any' | 'host';
}

function listening(group: VerbGroup, { prefix, queue, answeredBy }: Place): Listening {
  const endpointOf = ({ verb, ...told }: VerbDescription): [string, Endpoint] => [
    verb,
    {
      name: `${answeredBy}_${group.name}_${verb}`,
      subject: `${prefix}${verb}`,
      ...(queue === undefined ? {} : { queue }),
      metadata: { ...told, answered_by: answeredBy },
      tally: { requests: 0, refusals: 0, lastRefusal: '', elapsedMs: 0 },
    },
  ];
  return { prefix, ...(queue === undefined ? {} : { queue }), group, endpoints: new Map(group.verbs.map(endpointOf)) };
}
