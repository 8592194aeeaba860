/** Every public error: its stable code, its HTTP status, and what the caller can do. docs/reference/errors.md lists them. */
export const ERRORS = {
  invalid_request: { status: 400, remedy: 'Correct the named field.' },
  invalid_restart_policy: { status: 400, remedy: 'Correct the named field of restart_policy.' },
  invalid_health_check: { status: 400, remedy: 'Correct the named field of health_check.' },
  invalid_auto_standby: { status: 400, remedy: 'Correct the named field of auto_standby.' },
  invalid_schedules: { status: 400, remedy: 'Correct the named field of schedules.' },
  invalid_timeout: { status: 400, remedy: 'Give a duration such as 30s.' },
  name_conflict: { status: 400, remedy: 'Choose another name, or delete the instance that has it.' },
  image_not_found: { status: 400, remedy: 'Name an image that exists; `statevisor image build-demo` builds `demo`.' },
  image_not_ready: { status: 400, remedy: 'Wait until the image is built, or build it again.' },
  memory_too_small: { status: 400, remedy: 'Give a larger size; the least that the image needs is named.' },
  unauthorized: { status: 401, remedy: 'Send the token as `Authorization: Bearer TOKEN`.' },
  forbidden: { status: 403, remedy: 'Use a token with the scope that is named.' },
  not_found: { status: 404, remedy: 'Check the id or name with `statevisor ps`.' },
  snapshot_not_found: { status: 404, remedy: 'Choose one of the snapshots of the instance.' },
  unknown_verb: { status: 404, remedy: 'Use one of the verbs that are named.' },
  ambiguous: { status: 409, remedy: 'Give more characters of the id.' },
  invalid_state: { status: 409, remedy: 'Send one of the commands that the present state accepts.' },
  instance_in_standby: { status: 409, remedy: 'Restore the instance first.' },
  snapshot_exists: { status: 409, remedy: 'Choose another name, or delete the snapshot that has it.' },
  snapshot_limit: { status: 409, remedy: 'Delete a snapshot of the instance first.' },
  idempotency_mismatch: { status: 409, remedy: 'Use a new command id for a different payload.' },
  insufficient_resources: { status: 409, remedy: 'Free what is named, or ask for less.' },
  host_draining: { status: 409, remedy: 'Set the mode of the host back to normal, or use another host.' },
  expired: { status: 409, remedy: 'The instance has reached its expiry; create a new one.' },
  cursor_too_new: { status: 409, remedy: 'Use a cursor of this log; its end is named.' },
  cursor_too_old: {
    status: 410,
    remedy: 'Begin again at the oldest cursor, which is named; what lies between is gone.',
  },
  payload_too_large: { status: 413, remedy: 'Send a smaller body.' },
  unsupported_media_type: { status: 415, remedy: 'Send application/json.' },
  busy: { status: 429, remedy: 'Try again shortly.' },
  not_reached: { status: 500, remedy: 'See state_error and the history of the instance.' },
  internal_error: { status: 500, remedy: 'Report it with the correlation id.' },
  instance_unreadable: {
    status: 500,
    remedy: 'Its last record needs a version that understands it; its VM is left alone meanwhile.',
  },
  not_supported: { status: 501, remedy: 'Choose a hypervisor that can do it.' },
  log_full: {
    status: 503,
    remedy:
      'Give the log room: free disk space, or raise the limit of its stream on JetStream. Stop and delete still work on SQLite.',
  },
  log_unavailable: { status: 503, remedy: 'Try again when the log can be reached.' },
  not_owner: { status: 503, remedy: 'Another daemon owns this log now; talk to that one.' },
  shutting_down: { status: 503, remedy: 'Try again when the daemon is back.' },
} as const satisfies Readonly<Record<string, { status: number; remedy: string }>>;

export type ErrorCode = keyof typeof ERRORS;

/** An expected refusal: nothing was appended, nothing has changed. Its message is safe to show. */
export class StatevisorError extends Error {
  readonly code: ErrorCode;
  /** The field at fault, dotted, as the caller named it. */
  readonly field: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** That of the code, unless this refusal has its own. */
  readonly status: number;

  constructor(
    code: ErrorCode,
    message: string,
    about: { field?: string; details?: Readonly<Record<string, unknown>>; status?: number; cause?: unknown } = {},
  ) {
    super(message, about.cause === undefined ? undefined : { cause: about.cause });
    this.name = 'StatevisorError';
    this.code = code;
    this.field = about.field ?? null;
    this.details = about.details ?? {};
    this.status = about.status ?? ERRORS[code].status;
  }

  /** The body every door answers with. */
  toBody(): { code: ErrorCode; message: string; field?: string; details?: Readonly<Record<string, unknown>> } {
    return {
      code: this.code,
      message: this.message,
      ...(this.field === null ? {} : { field: this.field }),
      ...(Object.keys(this.details).length === 0 ? {} : { details: this.details }),
    };
  }
}

export function shuttingDown(): StatevisorError {
  return new StatevisorError('shutting_down', 'The daemon is shutting down.');
}
