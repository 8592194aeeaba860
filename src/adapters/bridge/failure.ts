import type { NetworkError, NetworkErrorCode } from '../../actors/contracts/network.ts';
import type { Program, Ran } from './command-runner.ts';

/** A step that did not work: ends an operation of the network, which answers with it. */
export class NetworkFailure extends Error {
  readonly code: NetworkErrorCode;

  constructor(code: NetworkErrorCode, message: string) {
    super(message);
    this.name = 'NetworkFailure';
    this.code = code;
  }
}

/** Characters of a tool's own words that are passed on. */
const WORDS_MAX = 300;

export function failureOf(program: Program, ran: Ran): NetworkFailure {
  if (ran.missing) return new NetworkFailure('tools_missing', `${program} is not installed`);
  if (ran.status === null) return new NetworkFailure('network_failed', `${program} did not answer`);
  const words = ran.stderr.trim().replaceAll(/\s+/g, ' ').slice(0, WORDS_MAX);
  if (/not permitted|permission denied/i.test(words)) {
    return new NetworkFailure('no_rights', `the daemon needs CAP_NET_ADMIN (${program}: ${words})`);
  }
  if (/TUNSETIFF.*busy/i.test(words)) return new NetworkFailure('tap_busy', `another process has the tap (${words})`);
  return new NetworkFailure('network_failed', `${program} failed: ${words}`);
}

export function errorOf(error: unknown): NetworkError {
  if (error instanceof NetworkFailure) return { code: error.code, message: error.message };
  return { code: 'network_failed', message: error instanceof Error ? error.message : String(error) };
}
