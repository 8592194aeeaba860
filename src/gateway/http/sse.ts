/** One message of a stream of server-sent events. */
export interface SseMessage {
  /** What a reader sends back as `Last-Event-ID` to go on after this message. */
  readonly id?: string;
  readonly event?: string;
  /** One line: JSON. Without it nothing is dispatched, and the id counts all the same. */
  readonly data?: string;
  /** Keeps the connection in use; readers ignore it. */
  readonly comment?: string;
}

export const SSE_TYPE = 'text/event-stream; charset=utf-8';

export function sseText({ id, event, data, comment }: SseMessage): string {
  const lines = [
    ...(comment === undefined ? [] : [`: ${comment}`]),
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`]),
    ...(data === undefined ? [] : [`data: ${data}`]),
  ];
  return `${lines.join('\n')}\n\n`;
}

/** What the `Accept` header prefers among the forms a path has; nothing said is the first of them. */
export function acceptedForm<F extends string>(
  accept: string | undefined,
  forms: readonly (readonly [F, string])[],
): F {
  const named = (accept ?? '').split(',').map((part) => part.split(';')[0]!.trim().toLowerCase());
  const found = forms.find(([, type]) => named.includes(type));
  return (found ?? forms[0]!)[0];
}
