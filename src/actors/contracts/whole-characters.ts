/** Bytes of the longest character in UTF-8. */
const CHARACTER_BYTES_MAX = 4;

/**
 * The text in these bytes up to their last whole character: what was read to a limit, or while somebody writes, may end
 * within one. A character cut off at the beginning, or bytes that are none, become replacement characters.
 */
export function wholeCharacters(bytes: Uint8Array): { readonly text: string; readonly length: number } {
  const length = bytes.length - unfinished(bytes);
  return { text: new TextDecoder().decode(bytes.subarray(0, length)), length };
}

/** How many bytes at the end begin a character that is not all there. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back < CHARACTER_BYTES_MAX && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    const isContinuation = (byte & 0b1100_0000) === 0b1000_0000;
    if (isContinuation) continue;
    const wanted = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : byte >= 0b1100_0000 ? 2 : 1;
    return wanted > back ? back : 0;
  }
  return 0;
}
