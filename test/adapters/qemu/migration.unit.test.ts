import { describe, expect, it } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import type { QmpConnection } from '../../../src/adapters/qemu/qmp.ts';
import { cancelMigration } from '../../../src/adapters/qemu/snapshots/migration.ts';

const LIMIT_MS = 5_000;

/** A monitor that tells these statuses one after the other, the last one for ever. */
function monitor(...statuses: readonly (string | undefined)[]) {
  const asked: string[] = [];
  const left = [...statuses];
  const connection: QmpConnection = {
    execute: (command) => {
      asked.push(command);
      if (command !== 'query-migrate') return Promise.resolve({});
      const status = left.length > 1 ? left.shift() : left[0];
      return Promise.resolve(status === undefined ? {} : { status });
    },
    close: () => undefined,
  };
  return { connection, asked };
}

async function isOverWithin(connection: QmpConnection, limitMs: number): Promise<boolean> {
  const clock = new SimulatedClock(0);
  let over = false;
  const cancelled = cancelMigration(connection, clock).then(() => {
    over = true;
  });
  await clock.advance(limitMs);
  if (over) await cancelled;
  return over;
}

describe('a save that is given up', () => {
  it('is over when the VMM has given up sending', async () => {
    const { connection, asked } = monitor('cancelling', 'cancelling', 'cancelled');
    expect(await isOverWithin(connection, 100)).toBe(true);
    expect(asked).toEqual(['migrate_cancel', 'query-migrate', 'query-migrate', 'query-migrate']);
  });

  it('is over at once when the VMM never began, as one that refuses to', async () => {
    expect(await isOverWithin(monitor(undefined).connection, 0)).toBe(true);
  });

  it('is over within a limit when the VMM never gives up', async () => {
    const { connection } = monitor('cancelling');
    expect(await isOverWithin(connection, LIMIT_MS - 100)).toBe(false);
    expect(await isOverWithin(connection, LIMIT_MS + 100)).toBe(true);
  });
});
