/** Goal: places are bounded, kept for those that answer, and given out in order. Method: takers by hand. */
import { expect, test } from 'vitest';
import { type Lane, Places } from '../../../src/actors/probing/places.ts';

const LIMITS = { atOnceMax: 4, unprovenMax: 3, silentMax: 2 };

/** How many of this lane find a place, beside what is taken already. */
function takers(places: Places<string>, lane: Lane): number {
  let taken = 0;
  while (places.take(lane, `${lane}-${taken}`)) taken += 1;
  return taken;
}

test('silent targets share some, with new ones a few more, and those that answer have the rest', () => {
  const places = new Places<string>(LIMITS);
  expect(takers(places, 'silent')).toBe(2);
  expect(takers(places, 'new')).toBe(1);
  expect(takers(places, 'answering')).toBe(1);
  expect([places.taken, places.waiting]).toEqual([4, 3]);
});

test('those that answer may have all of them', () => {
  const places = new Places<string>(LIMITS);
  expect(takers(places, 'answering')).toBe(4);
  expect([takers(places, 'new'), takers(places, 'silent')]).toEqual([0, 0]);
});

test('new targets may have what silent ones leave of theirs', () => {
  const places = new Places<string>(LIMITS);
  expect(takers(places, 'new')).toBe(3);
  expect([takers(places, 'silent'), takers(places, 'answering')]).toEqual([0, 1]);
});

test('whoever comes later waits behind those that wait, and who left the line is passed over', () => {
  const places = new Places<string>(LIMITS);
  takers(places, 'answering');
  places.leave('answering', 'answering-4');
  for (const who of ['first', 'second', 'third']) expect(places.take('answering', who)).toBe(false);
  places.leave('answering', 'second');
  places.release('answering');
  expect(places.take('answering', 'late')).toBe(false);
  expect([places.next(), places.next()]).toEqual(['first', undefined]);
  places.release('answering');
  places.release('answering');
  expect([places.next(), places.next(), places.next()]).toEqual(['third', 'late', undefined]);
});

test('a free place goes to those that answer before the new, and to the new before the silent', () => {
  const places = new Places<string>(LIMITS);
  takers(places, 'answering');
  places.leave('answering', 'answering-4');
  for (const lane of ['silent', 'new', 'answering'] as const) places.take(lane, lane);
  const served = Array.from({ length: 3 }, () => {
    places.release('answering');
    return places.next();
  });
  expect(served).toEqual(['answering', 'new', 'silent']);
});

test('a lane that is full holds up no other', () => {
  const places = new Places<string>(LIMITS);
  takers(places, 'silent');
  expect(places.next()).toBeUndefined();
  expect(places.take('new', 'new')).toBe(true);
  expect(places.take('answering', 'answering')).toBe(true);
});
