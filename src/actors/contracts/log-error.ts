/**
 * Why a log could not be opened. Stable codes: operators and scripts match on them.
 * - `data_directory_in_use`: another process holds the log; `ownerPid` names it when it could be learnt.
 * - `log_from_newer_version`: written by a newer release, which this one must not touch.
 * - `log_unreadable`: not a log of ours, or damaged.
 * - `log_unwritable`: the directory cannot be made or written.
 * - `log_in_use`: another daemon owns this log; `ownerPid` is its pid on the host the message names.
 * - `log_unreachable`: the server that keeps the log does not answer, or keeps no logs.
 * - `log_misconfigured`: what keeps the log exists and would not keep what it acknowledges; the setting is named.
 */
export type LogOpenErrorCode =
  | 'data_directory_in_use'
  | 'log_from_newer_version'
  | 'log_unreadable'
  | 'log_unwritable'
  | 'log_in_use'
  | 'log_unreachable'
  | 'log_misconfigured';

export class LogOpenError extends Error {
  override readonly name = 'LogOpenError';
  readonly code: LogOpenErrorCode;
  /** The directory, or the name of a log that lies in none. */
  readonly directory: string;
  readonly ownerPid: number | null;

  constructor(code: LogOpenErrorCode, directory: string, message: string, ownerPid: number | null = null) {
    super(message);
    this.code = code;
    this.directory = directory;
    this.ownerPid = ownerPid;
  }
}

/** Thrown by reads of a log that was closed, or whose storage cannot answer for sure. Appends answer `refused`. */
export class LogUnavailableError extends Error {
  override readonly name = 'LogUnavailableError';
  readonly code = 'log_unavailable';
}
