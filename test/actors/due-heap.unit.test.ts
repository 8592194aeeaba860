/** Goal: the heap always knows what is due first. Method: any row of changes, beside a list that is searched. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Due, DueHeap } from '../../src/actors/due-heap.ts';

const ITEMS = 12;

test('what is due first is first, whatever was put in, moved, taken out and dropped before', () => {
  const one = fc.record({ item: fc.nat(ITEMS - 1), dueAt: fc.option(fc.nat(50)) });
  const change = fc.oneof({ weight: 9, arbitrary: one }, fc.record({ keptBelow: fc.nat(50) }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const heap = new DueHeap<Due>();
      const items = Array.from({ length: ITEMS }, (): Due => ({ dueAt: 0, place: -1 }));
      const inside = new Set<Due>();
      for (const made of changes) {
        if ('keptBelow' in made) {
          heap.keepOnly(({ dueAt }) => dueAt < made.keptBelow);
          for (const due of inside) if (due.dueAt >= made.keptBelow) inside.delete(due);
        } else if (made.dueAt === null) {
          heap.remove(items[made.item]!);
          inside.delete(items[made.item]!);
        } else {
          heap.put(items[made.item]!, made.dueAt);
          inside.add(items[made.item]!);
        }
        expect(heap.size).toBe(inside.size);
        expect(heap.first()?.dueAt).toBe(
          inside.size === 0 ? undefined : Math.min(...[...inside].map((due) => due.dueAt)),
        );
        expect(items.filter(({ place }) => place >= 0)).toHaveLength(inside.size);
      }
    }),
  );
});
