import { type ZodType, z } from 'zod';
import { HOST_REPLY_SCHEMAS, REPLY_SCHEMAS } from '../replies/schemas.ts';
import { HOST_REQUEST_SCHEMAS, REQUEST_SCHEMAS } from '../requests/schemas.ts';
import {
  HOST_SCOPE_OF,
  HOST_VERBS,
  type HostUseCases,
  SCOPE_OF,
  type Scope,
  type UseCase,
  type UseCases,
  VERBS,
} from '../use-cases/contract.ts';
import { hostVerbNamed, verbNamed } from '../use-cases/use-cases.ts';

/** Verbs that stand under one word of the subjects, with what the micro service tells about each. */
export interface VerbGroup {
  /** The word: `instances`, `host`. */
  readonly name: string;
  /**
   * Whether it is also offered under subjects that name no host. What is asked of a host is meant for that one: any other
   * would answer it just as readily, from its own log.
   */
  readonly answeredByAny: boolean;
  readonly verbs: readonly VerbDescription[];
  /** Throws StatevisorError `unknown_verb`. */
  readonly useCase: (verb: string) => UseCase;
}

export interface VerbDescription {
  readonly verb: string;
  readonly scope: Scope;
  /** JSON Schema of the request and of the answer, as text. */
  readonly schema: string;
  readonly reply: string;
}

export function verbGroups(useCases: UseCases, hostUseCases?: HostUseCases): VerbGroup[] {
  const instances: VerbGroup = {
    name: 'instances',
    answeredByAny: true,
    verbs: VERBS.map((verb) => described(verb, SCOPE_OF[verb], REQUEST_SCHEMAS[verb], REPLY_SCHEMAS[verb])),
    useCase: (verb) => useCases[verbNamed(verb)],
  };
  if (hostUseCases === undefined) return [instances];
  const host: VerbGroup = {
    name: 'host',
    answeredByAny: false,
    verbs: HOST_VERBS.map((verb) =>
      described(verb, HOST_SCOPE_OF[verb], HOST_REQUEST_SCHEMAS[verb], HOST_REPLY_SCHEMAS[verb]),
    ),
    useCase: (verb) => hostUseCases[hostVerbNamed(verb)],
  };
  return [instances, host];
}

function described(verb: string, scope: Scope, request: ZodType, reply: ZodType): VerbDescription {
  return { verb, scope, schema: jsonSchemaOf(request, 'input'), reply: jsonSchemaOf(reply, 'output') };
}

/** What a schema takes, or gives. Parts that JSON Schema has no word for are left open. */
function jsonSchemaOf(schema: ZodType, io: 'input' | 'output'): string {
  return JSON.stringify(z.toJSONSchema(schema, { io, unrepresentable: 'any' }));
}
