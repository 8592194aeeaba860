import type { EntryReader } from './entries.ts';
import type { Heads } from './heads.ts';
import type { ReadRequest, Reply } from './protocol.ts';

/** Answers to what only reads. */
export function answerRead(heads: Heads, reader: EntryReader, request: ReadRequest): Reply {
  switch (request.kind) {
    case 'head': {
      const head = heads.get(request.stream);
      return { kind: 'entries', entries: head === undefined ? [] : reader.rows([head.seq]).entries, next: 0 };
    }
    case 'near':
      return near(heads, reader, request);
    case 'walk':
      return { kind: 'seqs', seqs: reader.walk(request.seq, request.count) };
    case 'rows': {
      const { entries, used } = reader.rows(request.seqs);
      return { kind: 'entries', entries, next: used };
    }
    case 'page': {
      const { entries, last } = reader.page(request.after, request.upTo, request.most);
      return { kind: 'entries', entries, next: last ?? request.upTo };
    }
    case 'back': {
      const { entries, last } = reader.back(request.before);
      return { kind: 'entries', entries, next: last ?? 0 };
    }
    case 'heads':
      return { kind: 'heads', ...reader.heads(request.after, request.landmarks) };
  }
}

function near(heads: Heads, reader: EntryReader, wanted: Extract<ReadRequest, { kind: 'near' }>): Reply {
  const head = heads.get(wanted.stream);
  if (head === undefined) return { kind: 'entries', entries: [], next: wanted.version };
  const from = Math.max(wanted.version, head.firstVersion);
  const missing = head.version - from + 1;
  let seqs: ArrayLike<number> = [];
  // The first record of a stream is asked for often, and then history need not be walked.
  if (from === head.firstVersion && wanted.count === 1) seqs = [head.first];
  else if (missing >= 1 && missing <= wanted.steps) {
    seqs = reader.walk(head.seq, missing).toReversed().subarray(0, wanted.count);
  }
  return { kind: 'entries', entries: reader.rows(seqs).entries, next: from };
}
