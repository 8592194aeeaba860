/** What a log is called on the server: one JetStream stream, and in it one subject for each stream of the log. */
export interface LogNames {
  /** The log's own name, as people give it. */
  readonly name: string;
  /** The JetStream stream. */
  readonly stream: string;
  /** Subjects of entries begin with this and a dot. */
  readonly entries: string;
  /** Who owns the log; in the same JetStream stream, so that it is replicated and lost with it. */
  readonly claim: string;
  /** Where the owner answers that it lives; outside the JetStream stream. */
  readonly liveness: string;
}

/** Letters, digits, `_` and `-`: what a JetStream stream and one token of a subject may hold. */
export const LOG_NAME = /^[A-Za-z0-9_-]{1,64}$/;
/** Characters of one stream's name on the server; a longer one is refused. */
export const STREAM_TOKEN_MAX = 1_024;

const PLAIN = /[^A-Za-z0-9_-]/gu;
const ESCAPED = /(?:=[0-9a-f]{2})+/g;
/** The name of the stream without a name. */
const EMPTY_TOKEN = '=';

export function namesOf(name: string): LogNames {
  const prefix = `statevisor.v1.log.${name}`;
  return {
    name,
    stream: `statevisor-log-${name}`,
    entries: `${prefix}.entry`,
    claim: `${prefix}.claim`,
    liveness: `statevisor.v1.log-owner.${name}`,
  };
}

export function allEntries({ entries }: LogNames): string {
  return `${entries}.>`;
}

/** Any text is a name of a stream; subjects take few characters, so the others are written as their bytes. */
export function subjectOf({ entries }: LogNames, stream: string): string {
  const token = stream.replaceAll(PLAIN, (character) =>
    [...Buffer.from(character, 'utf8')].map((byte) => `=${byte.toString(16).padStart(2, '0')}`).join(''),
  );
  return `${entries}.${token === '' ? EMPTY_TOKEN : token}`;
}

/** Null when the subject is not that of an entry. */
export function streamOf({ entries }: LogNames, subject: string): string | null {
  if (!subject.startsWith(`${entries}.`)) return null;
  const token = subject.slice(entries.length + 1);
  if (token === EMPTY_TOKEN) return '';
  return token.replaceAll(ESCAPED, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString('utf8'));
}
