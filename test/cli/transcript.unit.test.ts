/** Goal: a transcript in a document cannot go stale unseen. Method: the comparison is shown to notice what matters. */
import { expect, test } from 'vitest';
import { document } from '../documents/markdown.ts';
import { normalised } from '../documents/normalise.ts';
import { aroundMarks, transcript } from './transcript.ts';

test('a document is cut at its marks, and one without them is refused', () => {
  const text = 'a\n<!-- transcript:x -->\nb\n<!-- /transcript:x -->\nc\n';
  expect(aroundMarks(text, 'x')).toEqual(['a\n<!-- transcript:x -->\n', 'b\n', '<!-- /transcript:x -->\nc\n']);
  expect(() => aroundMarks(text, 'y')).toThrow('no marks');
});

test('the README holds a transcript of the first run', () => {
  const [, shown] = aroundMarks(document('README.md'), 'first-run');
  expect(shown).toContain('$ npm start\n');
});

test('ids, times, ports and pids may differ, and nothing else may', () => {
  const one = '2026-01-01T12:00:00.000Z  v1  admin@http  stop  => wanted stopped  01kdwpvng0zxyy5ejcm7q56hrv';
  const two = '2027-05-06T07:08:09.100Z  v1  admin@http  stop  => wanted stopped  01m85w9k925dedhh483bgc89ya';
  expect(normalised(one)).toBe(normalised(two));
  expect(normalised('http://127.0.0.1:20000/ 20001->7')).toBe(normalised('http://127.0.0.1:31000/ 31001->7'));
  expect(normalised(one)).not.toBe(normalised(two.replace('stopped', 'running')));
  expect(normalised(one)).not.toBe(normalised(two.replace('v1', 'v2')));
});

test('commands and what they printed are kept in order', () => {
  const seen = transcript();
  seen.add('a', 'b\n');
  seen.remark('c');
  seen.add('d', '');
  expect(seen.text()).toBe('$ a\nb\n# c\n$ d\n');
});
