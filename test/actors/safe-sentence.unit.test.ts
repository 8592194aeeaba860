import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROBE_ERROR_MAX_BYTES } from '../../src/actors/contracts/probe-readings.ts';
import { safeSentence } from '../../src/actors/contracts/safe-sentence.ts';

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** Any code points, halves of pairs too. fast-check's own binary strings take seconds to set up. */
const anything = fc
  .array(fc.oneof(fc.nat(0x7f), fc.nat(0xffff), fc.nat(0x10ffff)), { maxLength: 700 })
  .map((points) => String.fromCodePoint(...points));

describe('a safe sentence', () => {
  it.each([
    ['expected status 200, got 503', 'expected status 200, got 503'],
    ['größer als 3 € 😀', 'größer als 3 € 😀'],
    ['two\r\nlines', 'two\\u{d}\\u{a}lines'],
    ['\u001b[31mred\u0007\u009b', '\\u{1b}[31mred\\u{7}\\u{9b}'],
    ['left\u202eright\u2066\u2028', 'left\\u{202e}right\\u{2066}\\u{2028}'],
    ['half \ud83d of it', 'half \\u{d83d} of it'],
    ['\ufeffmark', '\\u{feff}mark'],
  ])('writes what acts as what can be read: %j', (text, shown) => expect(safeSentence(text)).toBe(shown));

  it('is cut at the end of a character', () => {
    expect(safeSentence('é'.repeat(300))).toBe('é'.repeat(256));
    expect(safeSentence(`x${'é'.repeat(300)}`)).toBe(`x${'é'.repeat(255)}`);
    expect(safeSentence(`x${'😀'.repeat(300)}`)).toBe(`x${'😀'.repeat(127)}`);
    expect(safeSentence(`${'x'.repeat(511)}😀`)).toBe('x'.repeat(511));
  });

  it('is kept whole up to its bound', () => {
    for (const text of ['', 'x'.repeat(PROBE_ERROR_MAX_BYTES), '€'.repeat(170)]) expect(safeSentence(text)).toBe(text);
  });

  it('holds at most so many bytes and nothing that acts, whatever it is made of', () => {
    fc.assert(
      fc.property(anything, fc.integer({ min: 0, max: 700 }), (text, max) => {
        const shown = safeSentence(text, max);
        expect(bytesOf(shown)).toBeLessThanOrEqual(max);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
        expect(shown.isWellFormed()).toBe(true);
      }),
    );
    expect(bytesOf(safeSentence('é'.repeat(10_000)))).toBe(PROBE_ERROR_MAX_BYTES);
  });

  it('says the same when it is made safe twice', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 700 }), (text) => safeSentence(safeSentence(text)) === safeSentence(text)),
    );
  });
});
