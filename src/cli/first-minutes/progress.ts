/** How far something has come: one line that changes on a terminal, and no line at all elsewhere. */
export interface Progress {
  show(text: string): void;
  /** Takes the line away. */
  clear(): void;
}

const LINE_START = '\r\u001b[2K';

export function progressOn(stream: { readonly isTTY?: boolean; write(text: string): unknown }): Progress {
  const write = (text: string): void => {
    if (stream.isTTY === true) stream.write(`${LINE_START}${text}`);
  };
  return { show: write, clear: () => write('') };
}
