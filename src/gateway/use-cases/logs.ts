import { runIsOver } from '../../../machines/public-states.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { lastOperations, OperationsReader, type OperationsStretch } from '../../projections/feed/operations-log.ts';
import { checked } from '../requests/checked.ts';
import { LOG_ANSWER_BYTES_MAX, type LogSource, logsRequest } from '../requests/records.ts';
import type { UseCase, UseCaseOptions } from './contract.ts';
import { streamNamed } from './stream-named.ts';

/** What one answer shows of a log. */
export interface LogView {
  readonly run: number;
  readonly source: LogSource;
  readonly text: string;
  /** The `after` of the next question. */
  readonly next: string;
  /** Something between `after` and this text is not kept any more. */
  readonly gap: boolean;
}

export interface LogQuestion {
  readonly id: string;
  readonly source: LogSource;
  /** Lines from the end; only without `after`. */
  readonly tail: number;
  readonly run?: number;
  readonly after?: string;
}

/** Reads the logs of instances: two are kept by the hypervisor, the third is read off the records. */
export interface LogReader {
  /** Throws StatevisorError. */
  read(question: LogQuestion): Promise<LogView>;
  /**
   * Each call reads on in what we did to an instance (of one run, if one is named) from a version. It asks the log only
   * when there is a newer record, so that many may wait at little cost.
   */
  operationsFrom(stream: string, after: string, run?: number): () => Promise<LogView>;
  /** The newest run of an instance; null when it is gone. */
  newestRun(stream: string): number | null;
  /** Whether a run has nothing more to say: it has ended, or was never begun and a later one was. */
  isOver(stream: string, run: number): boolean;
}

export function createLogReader({ supervisor, instances, log, readLog }: UseCaseOptions): LogReader {
  const newestRun = (stream: string): number | null => instances.get(stream)?.run ?? null;

  /** Files of runs go with their instance, records stay. */
  function runOf({ id, source, run }: LogQuestion, stream: string): number {
    const newest = newestRun(stream);
    if (newest === null && source !== 'operations') {
      throw new StatevisorError('not_found', `There is no instance ${id}; its ${source} was removed with it.`);
    }
    if (run !== undefined && newest !== null && run > newest) {
      const message = `run must be at most ${newest}, the newest run of this instance.`;
      throw new StatevisorError('invalid_request', message, { field: 'run' });
    }
    return run ?? newest ?? 0;
  }

  async function operations({ run, tail, after }: LogQuestion, stream: string) {
    const read =
      after === undefined
        ? await lastOperations(log, stream, tail, run)
        : await new OperationsReader(log, { stream, run }, Number(after)).read();
    return pieceOf(read);
  }

  return {
    operationsFrom(stream, after, run) {
      const reader = new OperationsReader(log, { stream, run }, Number(after));
      return async () => {
        const version = instances.get(stream)?.version ?? Number.POSITIVE_INFINITY;
        const read = version > reader.next ? await reader.read() : { lines: [], next: reader.next };
        return { run: run ?? newestRun(stream) ?? 0, source: 'operations', ...pieceOf(read) };
      };
    },
    newestRun,
    isOver: (stream, run) => {
      const view = instances.get(stream);
      return view === undefined || view.run > run || runIsOver(view.phase);
    },
    async read(question) {
      const { id, source, tail, after } = question;
      const stream = streamNamed(supervisor, id);
      const run = runOf(question, stream);
      if (source === 'operations') return { run, source, ...(await operations(question, stream)) };
      const piece = await readLog({ instance: stream, run }, source, after ?? null, LOG_ANSWER_BYTES_MAX);
      return { run, source, ...piece, text: after === undefined ? lastLines(piece.text, tail) : piece.text };
    },
  };
}

function pieceOf({ lines, next }: OperationsStretch): Pick<LogView, 'text' | 'next' | 'gap'> {
  return { text: lines.map((line) => `${line}\n`).join(''), next: String(next), gap: false };
}

/** A last line without an end is a line too. */
function lastLines(text: string, most: number): string {
  if (most === 0) return '';
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  const lines = body.split('\n');
  return lines.length <= most ? text : text.slice(body.length - lines.slice(-most).join('\n').length);
}

export function logsUseCase(options: UseCaseOptions, reader: LogReader): UseCase {
  const { instances, host } = options;
  return async (input) => {
    const question = checked(logsRequest, input);
    if (question.after !== undefined && question.run === undefined && question.source !== 'operations') {
      throw new StatevisorError('invalid_request', 'run is required with after.', { field: 'run' });
    }
    const body = await reader.read(question);
    return { status: 200, body, position: instances.position(), version: null, host };
  };
}
