import { LogUnavailableError } from '../actors/contracts/log-error.ts';
import { type ErrorCode, StatevisorError } from '../actors/errors.ts';

/** The body of every refusal, the same at every door. */
export interface ErrorBody {
  readonly code: ErrorCode;
  readonly message: string;
  readonly field?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** What a door tells the daemon's log, each time with the correlation id that the caller was shown. */
export interface GatewayLogger {
  /** Failures that are nobody's input. */
  error(about: Readonly<Record<string, unknown>>, message: string): void;
  /** Every request, once it is answered. */
  debug?(about: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a door answers to a failure. Anything unexpected is told only by its correlation id. */
export function refusalOf(
  error: unknown,
  correlation: string,
  logger?: GatewayLogger,
): { status: number; body: ErrorBody } {
  if (error instanceof StatevisorError) return { status: error.status, body: error.toBody() };
  if (error instanceof LogUnavailableError) {
    const refused = new StatevisorError('log_unavailable', 'The log cannot be read right now.');
    return { status: refused.status, body: refused.toBody() };
  }
  logger?.error({ correlation, err: error }, 'A request failed for a reason of our own.');
  const hidden = new StatevisorError('internal_error', 'Something failed that is not your request.', {
    details: { correlation },
  });
  return { status: hidden.status, body: hidden.toBody() };
}
