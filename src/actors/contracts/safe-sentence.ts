import { PROBE_ERROR_MAX_BYTES } from './probe-readings.ts';
import { wholeCharacters } from './whole-characters.ts';

/** Each of these moves what stands around it in a terminal or a page, or is no character at all. */
const MOVES_TEXT = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/**
 * The text as one line that is safe to show: characters that act rather than show (control, direction, line ends) are
 * written as `\u{..}`, and it is cut at the end of a character. Guests choose some of these bytes.
 */
export function safeSentence(text: string, maxBytes: number = PROBE_ERROR_MAX_BYTES): string {
  // A character takes a byte at least, so what lies beyond cannot be shown; a guest's text may be long. One more, since
  // this cut may leave half a character, which must lie beyond too.
  const shown = text
    .slice(0, maxBytes + 1)
    .replace(MOVES_TEXT, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
  return wholeCharacters(new TextEncoder().encode(shown).subarray(0, maxBytes)).text;
}
