/** One message of a stream of server-sent events, as its reader sees it. */
export interface ReceivedMessage {
  /** The last id there was, also when it came with an earlier message. */
  readonly id: string;
  readonly event: string;
  /** Null: there was only an id. */
  readonly data: string | null;
}

/** Longest message accepted; a record is a few kilobytes, a stretch of a log a few hundred. */
const MESSAGE_MAX_CHARS = 4_194_304;

/** Reads a body of server-sent events; ends with it, also in the midst of a message, which is then dropped. */
export async function* sseMessages(body: AsyncIterable<Uint8Array>): AsyncGenerator<ReceivedMessage, void> {
  const decoder = new TextDecoder();
  let text = '';
  let id = '';
  for await (const bytes of body) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    if (text.length > MESSAGE_MAX_CHARS) throw new Error('A message of the stream is longer than any should be.');
    for (const block of blocks) {
      const message = messageOf(block, id);
      if (message === null) continue;
      id = message.id;
      yield message;
    }
  }
}

/** Null for a block of comments only. */
function messageOf(block: string, lastId: string): ReceivedMessage | null {
  let [id, event, isMessage] = [lastId, 'message', false];
  const data: string[] = [];
  for (const line of block.split('\n')) {
    const [, field = '', value = ''] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (field === 'id') id = value;
    else if (field === 'event') event = value;
    else if (field === 'data') data.push(value);
    else continue;
    isMessage = true;
  }
  return isMessage ? { id, event, data: data.length === 0 ? null : data.join('\n') } : null;
}
