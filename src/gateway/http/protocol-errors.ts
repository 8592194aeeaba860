import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { StatevisorError } from '../../actors/errors.ts';
import { bodyTooLarge } from '../incoming.ts';

/** What the HTTP library itself finds wrong, in the words every door uses. */

const LIBRARY_ERRORS: Readonly<Record<string, () => StatevisorError>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: bodyTooLarge,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () =>
    new StatevisorError('unsupported_media_type', 'The body must be sent as application/json.'),
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () =>
    new StatevisorError('invalid_request', 'The body is not as long as its Content-Length says.'),
  FST_ERR_BAD_URL: () => new StatevisorError('invalid_request', 'The path is not a valid URL.'),
  FST_ERR_MAX_PARAM_LENGTH: () => new StatevisorError('invalid_request', 'The path is too long.'),
};

export function asRefusal(error: unknown): unknown {
  const code = typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
  return LIBRARY_ERRORS[code]?.() ?? error;
}

const CLIENT_ERRORS: Readonly<Record<string, { status: number; refusal: StatevisorError }>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    refusal: new StatevisorError('invalid_request', 'The request did not come in whole in time.'),
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    refusal: new StatevisorError('payload_too_large', 'The header is too large.'),
  },
};
const NOT_HTTP = { status: 400, refusal: new StatevisorError('invalid_request', 'This is not valid HTTP.') };

/** Answers bytes that are not a request; the connection cannot be used any further. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const { status, refusal } = CLIENT_ERRORS[error.code ?? ''] ?? NOT_HTTP;
  const body = JSON.stringify(refusal.toBody());
  const lines = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    'Content-Type: application/json; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`);
}
