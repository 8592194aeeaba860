import type { LoggedRecord } from './readable-log.ts';

/** Which records a reader wants; what is absent does not narrow anything. */
export interface RecordFilter {
  /** Type of its event or of one of its facts, or a beginning of one that ends with a dot (`restart.`). */
  readonly type?: string;
  readonly actor?: string;
  readonly via?: string;
  /** Records that name this run, and those made while it was the newest one. */
  readonly run?: number;
  /** Epoch ms, inclusive. */
  readonly since?: number;
  /** Epoch ms, exclusive. */
  readonly until?: number;
}

export function passes(record: LoggedRecord, filter: RecordFilter): boolean {
  const { type, actor, via, run, since, until } = filter;
  if (since !== undefined && record.at < since) return false;
  if (until !== undefined && record.at >= until) return false;
  if (actor !== undefined && record.cause.actor !== actor) return false;
  if (via !== undefined && record.cause.via !== via) return false;
  if (type !== undefined && !typesOf(record).some((own) => isOfType(own, type))) return false;
  return run === undefined || concernsRun(record, run);
}

/** Of its event and its facts. */
export function typesOf({ event, facts = [] }: LoggedRecord): string[] {
  return [event.type, ...facts.map((fact) => fact.type)];
}

/** `wanted` is a type, or the beginning of several: then it ends with a dot. */
export function isOfType(type: string, wanted: string): boolean {
  return wanted.endsWith('.') ? type.startsWith(wanted) : type === wanted;
}

function concernsRun({ event, facts = [], effects = [], state }: LoggedRecord, run: number): boolean {
  if (state?.context?.run.number === run || runOf(event) === run || runOf(event.window) === run) return true;
  return [...facts, ...effects].some((part) => runOf(part) === run);
}

function runOf(part: unknown): unknown {
  return typeof part === 'object' && part !== null && 'run' in part ? part.run : undefined;
}
