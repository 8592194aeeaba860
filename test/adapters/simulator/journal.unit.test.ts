import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fileJournal, type JournalLine, parseJournal, readJournal } from '../../../src/adapters/simulator/journal.ts';

const line = (seq: number): JournalLine => ({ seq, at: 1_000 + seq, type: 'world.started', boot_id: 'b' });

let directory: string;
let path: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-journal-'));
  path = join(directory, 'journal.ndjson');
});

afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('a journal in a file', () => {
  it('holds each line as soon as it is written, and is retold by the next', () => {
    const first = fileJournal(path);
    first.write(line(1));
    expect(parseJournal(readFileSync(path, 'utf8'))).toEqual([line(1)]);
    first.write(line(2));
    const second = fileJournal(path);
    expect(second.earlier).toEqual([line(1), line(2)]);
    first.close();
    second.close();
  });

  it('leaves out a line that was torn by the end of its writer, and goes on after it', async () => {
    const first = fileJournal(path);
    first.write(line(1));
    first.close();
    appendFileSync(path, '{"seq":2,"at":10');
    const second = fileJournal(path);
    expect(second.earlier).toEqual([line(1)]);
    second.write(line(2));
    second.close();
    expect(await readJournal(path)).toEqual([line(1), line(2)]);
  });

  it('goes on while the disk is full, and puts everything down in order when there is room again', async () => {
    let room = 10;
    const journal = fileJournal(path, (fd, bytes) => {
      if (room === 0) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
      const written = writeSync(fd, bytes, 0, Math.min(room, bytes.length));
      room -= written;
      return written;
    });
    journal.write(line(1));
    journal.write(line(2));
    expect(readFileSync(path).length).toBe(10);
    room = Number.MAX_SAFE_INTEGER;
    journal.flush();
    expect(await readJournal(path)).toEqual([line(1), line(2)]);
    journal.close();
  });

  it('that does not exist is empty', async () => {
    expect(await readJournal(path)).toEqual([]);
  });

  it('with a line that is no line of it is refused', () => {
    expect(() => parseJournal('{"seq":1,"at":1,"type":"vmm.spawned"}\n')).toThrow();
  });
});
