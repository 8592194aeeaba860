/** Goal: the heap always knows what is due first. Method: any row of changes, beside a list that is searched. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Due, DueHeap } from '../../../src/actors/probing/due-heap.ts';

const ITEMS = 12;

test('what is due first is first, whatever was put in, moved and taken out before', () => {
  const change = fc.record({ item: fc.nat(ITEMS - 1), dueAt: fc.option(fc.nat(50)) });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const heap = new DueHeap<Due>();
      const items = Array.from({ length: ITEMS }, (): Due => ({ dueAt: 0, place: -1 }));
      const inside = new Set<Due>();
      for (const { item, dueAt } of changes) {
        const one = items[item]!;
        if (dueAt === null) heap.remove(one);
        else heap.put(one, dueAt);
        if (dueAt === null) inside.delete(one);
        else inside.add(one);
        expect(heap.size).toBe(inside.size);
        expect(heap.first()?.dueAt).toBe(
          inside.size === 0 ? undefined : Math.min(...[...inside].map((due) => due.dueAt)),
        );
        expect(items.filter(({ place }) => place >= 0)).toHaveLength(inside.size);
      }
    }),
  );
});
