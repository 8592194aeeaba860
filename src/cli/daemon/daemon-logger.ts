import pino, { type DestinationStream, type Logger } from 'pino';

/** What the daemon logs about itself: lines of JSON on standard error, without secrets. */

export type LogLevel = 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'silent';

const STANDARD_ERROR = 2;
export const REDACTED = '[redacted]';

/** Fields whose value is nobody's business. Whatever is under `env` is a value of an environment. */
const SECRET_FIELDS = [
  'authorization',
  'Authorization',
  'token',
  'tokens',
  'pass',
  'password',
  'secret',
  'secrets',
  'credentials',
  'creds',
  'env.*',
];
/** How deep in what is logged such a field is looked for. */
const DEPTH_MAX = 5;

/** What such fields hold may also stand inside text: of an error, of a URL, of a header. */
const SECRETS_IN_TEXT: readonly (readonly [RegExp, string])[] = [
  // Up to the last `@` of a URL's authority: a password may have one in it, or a quote, which the line of JSON escapes.
  [/(\w:\/\/)(?:[^\s/?#"\\]|\\["\\])+@/g, `$1${REDACTED}@`],
  [/\b(Bearer|Basic) +[^\s"'\\]+/gi, `$1 ${REDACTED}`],
];

export function createDaemonLogger({
  level = 'info',
  destination = pino.destination(STANDARD_ERROR),
}: {
  level?: LogLevel;
  destination?: DestinationStream;
} = {}): Logger {
  const options = {
    name: 'statevisor',
    base: undefined,
    level,
    redact: { paths: secretPaths(), censor: REDACTED },
    hooks: { streamWrite: withoutSecrets },
  };
  return pino(options, destination);
}

function secretPaths(): string[] {
  const prefixes = Array.from({ length: DEPTH_MAX }, (_, depth) => '*.'.repeat(depth));
  return prefixes.flatMap((prefix) => SECRET_FIELDS.map((field) => `${prefix}${field}`));
}

function withoutSecrets(line: string): string {
  return SECRETS_IN_TEXT.reduce((text, [pattern, instead]) => text.replaceAll(pattern, instead), line);
}
