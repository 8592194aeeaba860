import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../cli/daemon-process.ts';
import { counts, FLOW, GUEST, isLost, listen } from '../../contracts/activity.world.ts';
import { type KernelWorld, listened, makeKernelWorld } from './kernel.world.ts';

const LIMIT_MS = 10_000;

describe('the collector of connections', () => {
  let world: KernelWorld;
  beforeEach(async () => {
    world = await makeKernelWorld();
  });
  afterEach(() => world.destroy());

  it('is started again when it was killed: until the table has been read anew nothing is known', async () => {
    const source = world.conntrack();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    const killed = source.collectorPid()!;
    process.kill(killed, 'SIGKILL');
    await heard.next(isLost);
    expect(source.status()).toMatchObject({ state: 'lost', error: expect.stringContaining('SIGKILL') });
    await world.open(FLOW);
    await heard.next(counts(1));
    expect(source.collectorPid()).not.toBe(killed);
    expect(source.status()).toMatchObject({ state: 'in_order', mode: 'netlink', losses: 1 });
  });

  it('answers those who wait when it ends', async () => {
    const source = world.conntrack();
    const asked = source.confirm(GUEST);
    process.kill(source.collectorPid()!, 'SIGKILL');
    expect(await asked).toMatchObject({ observer: 'lost', error: expect.stringContaining('ended with SIGKILL') });
  });

  it('ends with the source', async () => {
    const source = world.conntrack();
    await source.confirm(GUEST);
    const pid = source.collectorPid()!;
    await source.close();
    await until(
      () => existsSync(`/proc/${pid}`),
      (there) => !there,
      LIMIT_MS,
    );
  });
});
