/**
 * Goal: a reader of a log that is rotated meanwhile misses nothing that is still kept, repeats nothing, and learns of
 * what is gone. Method: random writes as the supervisor makes them, read at random moments and in random pieces.
 */
import { appendFileSync, existsSync, mkdtempSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { wholeCharacters } from '../../../src/actors/contracts/whole-characters.ts';
import { readParts } from '../../../src/adapters/qemu/log-parts.ts';
import { readRunLog } from '../../../src/adapters/qemu/run-log.ts';

const PART_BYTES = 50;

/** Writes as `keep` in supervise.sh does. */
function writer(directory: string, name: string): (text: string) => void {
  let full = 0;
  const path = join(directory, name);
  return (text) => {
    for (let rest = Buffer.from(text); rest.length > 0; ) {
      const room = PART_BYTES - (existsSync(path) ? statSync(path).size : 0);
      appendFileSync(path, rest.subarray(0, room));
      rest = rest.subarray(room);
      if (statSync(path).size < PART_BYTES) continue;
      full += 1;
      renameSync(path, `${path}.${full}`);
      rmSync(`${path}.${full - 1}`, { force: true });
    }
  };
}

function inDirectory(check: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'statevisor-parts-'));
  try {
    check(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

describe('a log in parts', () => {
  test('is read on from any offset, exactly, whatever was rotated meanwhile', () => {
    const act = fc.oneof(
      fc.record({ write: fc.integer({ min: 1, max: 130 }) }),
      fc.record({ read: fc.integer({ min: 16, max: 200 }) }),
    );
    fc.assert(
      fc.property(fc.array(act, { minLength: 1, maxLength: 60 }), (acts) =>
        inDirectory((directory) => {
          const write = writer(directory, 'console.log');
          let written = '';
          let at = 0;
          for (const one of acts) {
            if ('write' in one) {
              const text = Array.from({ length: one.write }, (_, n) => String((written.length + n) % 10)).join('');
              written += text;
              write(text);
              continue;
            }
            const { bytes, from } = readParts(directory, 'console.log', at, one.read);
            expect(from).toBeGreaterThanOrEqual(at);
            expect(bytes.toString()).toBe(written.slice(from, from + one.read));
            const isKept = written.length - at <= PART_BYTES;
            if (isKept) expect(from).toBe(at);
            at = from + bytes.length;
          }
        }),
      ),
      { numRuns: 60 },
    );
  });

  test('that was never written has nothing', () =>
    inDirectory((directory) => {
      expect(readParts(join(directory, 'none'), 'console.log', 7, 10)).toEqual({ bytes: Buffer.alloc(0), from: 7 });
    }));
});

describe('the logs of a run', () => {
  test('tell what is gone, and never cut a character in two', () =>
    inDirectory((directory) => {
      const write = writer(directory, 'console.log');
      write('ä'.repeat(70));
      const first = readRunLog(directory, 'console', '0', 17);
      expect(first).toEqual({ text: 'ä'.repeat(8), next: '66', gap: true });
      expect(readRunLog(directory, 'console', first.next, 1_000)).toEqual({
        text: 'ä'.repeat(37),
        next: '140',
        gap: false,
      });
      expect(readRunLog(directory, 'console', '140', 1_000)).toEqual({ text: '', next: '140', gap: false });
    }));

  test('show events and the VMM’s own lines, each read on by itself', () =>
    inDirectory((directory) => {
      const event = (name: string, seconds: number) =>
        `${JSON.stringify({ timestamp: { seconds, microseconds: 0 }, event: name, data: { guest: true } })}\n`;
      writeFileSync(join(directory, 'events.log'), `{"QMP": {}}\n${event('RESET', 1_767_225_600)}{"timest`);
      writeFileSync(join(directory, 'vmm.log'), 'qemu: a warning\n');
      const first = readRunLog(directory, 'vmm', '0', 10_000);
      expect(first.text).toBe('2026-01-01T00:00:00.000Z RESET {"guest":true}\nqemu: a warning\n');
      writeFileSync(
        join(directory, 'events.log'),
        `{"QMP": {}}\n${event('RESET', 1_767_225_600)}${event('STOP', 1_767_225_601)}`,
      );
      expect(readRunLog(directory, 'vmm', first.next, 10_000).text).toBe(
        '2026-01-01T00:00:01.000Z STOP {"guest":true}\n',
      );
      expect(readRunLog(directory, 'vmm', null, 10_000).text).toContain('RESET');
    }));
});

test('whole characters are taken as they are, and one that is not all there is left for later', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.nat(), (text, cut) => {
      const bytes = new TextEncoder().encode(text);
      const part = bytes.subarray(0, cut % (bytes.length + 1));
      const { text: whole, length } = wholeCharacters(part);
      expect(text.startsWith(whole)).toBe(true);
      expect(part.length - length).toBeLessThan(4);
      expect(new TextEncoder().encode(whole)).toHaveLength(length);
    }),
  );
});

describe('the log of a run', () => {
  test.each(['console', 'vmm'] as const)('that was removed (%s) is told as a gap to who has read of it', (source) => {
    inDirectory((directory) => {
      writer(directory, 'console.log')('guest is ready\n');
      writer(directory, 'vmm.log')('a line\n');
      const { next } = readRunLog(directory, source, '0', 1_000);
      expect(readRunLog(directory, source, next, 1_000)).toEqual({ text: '', next, gap: false });
      const gone = join(directory, 'gone');
      expect(readRunLog(gone, source, next, 1_000)).toEqual({ text: '', next, gap: true });
      expect(readRunLog(gone, source, '0', 1_000)).toMatchObject({ text: '', gap: false });
    });
  });
});
