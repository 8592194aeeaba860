import type { Attempt } from './attempt.ts';

/** Appends without an answer, by stream: each may still be written until it was offered again and answered. */
export interface OpenAppends {
  readonly has: (attempt: Attempt) => boolean;
  readonly of: (stream: string) => readonly Attempt[];
  readonly add: (attempt: Attempt) => void;
  readonly remove: (attempt: Attempt) => void;
}

export function createOpenAppends(): OpenAppends {
  const byStream = new Map<string, Map<string, Attempt>>();
  return {
    has: ({ stream, id }) => byStream.get(stream)?.has(id) === true,
    of: (stream) => [...(byStream.get(stream)?.values() ?? [])],
    add: (attempt) => {
      const ofStream = byStream.get(attempt.stream) ?? new Map<string, Attempt>();
      byStream.set(attempt.stream, ofStream.set(attempt.id, attempt));
    },
    remove: ({ stream, id }) => {
      const ofStream = byStream.get(stream);
      ofStream?.delete(id);
      if (ofStream?.size === 0) byStream.delete(stream);
    },
  };
}
