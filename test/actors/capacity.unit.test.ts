import { describe, expect, it } from 'vitest';
import type { Demand } from '../../machines/occupancy.ts';
import { Capacity, type CapacityLimits } from '../../src/actors/capacity.ts';
import { StatevisorError } from '../../src/actors/errors.ts';

const GB = 1024 ** 3;
const NOTHING: Demand = { memory_bytes: 0, vcpus: 0, disk_bytes: 0 };
const SMALL: Demand = { memory_bytes: GB, vcpus: 1, disk_bytes: GB };
const ASLEEP: Demand = { ...NOTHING, disk_bytes: GB };

const limits = (changes: Partial<CapacityLimits> = {}): CapacityLimits => ({
  memory_bytes: 2 * GB,
  vcpus: 4,
  disk_bytes: 8 * GB,
  overcommit: { memory: 1, vcpus: 1, disk: 1 },
  ...changes,
});

describe('capacity', () => {
  it('is not limited when nothing was said about it, and is counted all the same', () => {
    const capacity = new Capacity();
    for (let n = 0; n < 100; n++) expect(capacity.promise(`i${n}`, SMALL)).toBeNull();
    expect(capacity.use().vcpus).toEqual({ used: 100, limit: null });
  });

  it('is given out up to its limit exactly, and what is lacking has a name', () => {
    const capacity = new Capacity(limits());
    capacity.note('a', SMALL);
    expect(capacity.promise('b', SMALL)).toBeNull();
    expect(capacity.promise('c', SMALL)).toBe('memory');
    expect(new Capacity(limits({ vcpus: 0 })).promise('a', SMALL)).toBe('vcpus');
    expect(new Capacity(limits({ disk_bytes: GB - 1 })).promise('a', SMALL)).toBe('disk');
  });

  it('is stretched by the overcommit of each resource, also to nothing', () => {
    const twice = new Capacity(limits({ overcommit: { memory: 2, vcpus: 1, disk: 1 } }));
    for (const id of ['a', 'b', 'c', 'd']) expect(twice.promise(id, SMALL)).toBeNull();
    expect(twice.promise('e', SMALL)).toBe('memory');
    const none = new Capacity(limits({ overcommit: { memory: 0, vcpus: 1, disk: 1 } }));
    expect(none.promise('a', SMALL)).toBe('memory');
  });

  it('counts an instance once, however many promises it has and whatever its record says', () => {
    const capacity = new Capacity(limits());
    capacity.promise('a', SMALL);
    capacity.promise('a', SMALL);
    capacity.note('a', SMALL);
    expect(capacity.use().memory_bytes.used).toBe(GB);
    capacity.settle('a');
    capacity.settle('a');
    expect(capacity.use().memory_bytes.used).toBe(GB);
    capacity.note('a', NOTHING);
    expect(capacity.use()).toMatchObject({ memory_bytes: { used: 0 }, vcpus: { used: 0 }, disk_bytes: { used: 0 } });
  });

  it('a promise that came to nothing leaves nothing behind, also when it is settled too often', () => {
    const capacity = new Capacity(limits());
    capacity.promise('a', SMALL);
    capacity.settle('a');
    capacity.settle('a');
    expect(capacity.promises).toBe(0);
    expect(capacity.use().memory_bytes.used).toBe(0);
  });

  it('a sleeper keeps its disk and gives its memory back', () => {
    const capacity = new Capacity(limits());
    capacity.note('a', SMALL);
    expect(capacity.note('a', ASLEEP)).toBe(true);
    expect(capacity.use()).toMatchObject({ memory_bytes: { used: 0 }, disk_bytes: { used: GB } });
    expect(capacity.note('a', SMALL)).toBe(false);
  });

  it('that is exceeded already takes nothing away, and lets nothing new in', () => {
    const capacity = new Capacity(limits());
    for (const id of ['a', 'b', 'c']) capacity.note(id, SMALL);
    expect(capacity.use().memory_bytes).toEqual({ used: 3 * GB, limit: 2 * GB });
    expect(capacity.lacking('a', SMALL)).toBeNull();
    expect(capacity.lacking('d', SMALL)).toBe('memory');
  });

  it('a refused command learns the field, how much it needs and how much is free', () => {
    const capacity = new Capacity(limits());
    capacity.note('a', { ...SMALL, memory_bytes: 1.5 * GB });
    const refused = (() => {
      try {
        capacity.promiseOrRefuse('b', SMALL);
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toBeInstanceOf(StatevisorError);
    expect((refused as StatevisorError).toBody()).toMatchObject({
      code: 'insufficient_resources',
      field: 'size',
      details: { resource: 'memory', needed: GB, free: GB / 2 },
    });
    expect(capacity.promises).toBe(0);
  });
});
