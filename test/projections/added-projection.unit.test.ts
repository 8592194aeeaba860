/** Goal: the how-to adds a projection that works. Method: its sample is loaded as it stands there and run by the engine. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { InstanceRecord } from '../../machines/record.ts';
import { PROJECTIONS } from '../../src/projections/all-projections.ts';
import type { Projection } from '../../src/projections/engine/projection.ts';
import { listed } from '../../src/projections/engine/running-projection.ts';
import { document, runnable } from '../documents/markdown.ts';
import { recordedHistories } from '../histories/recorded.ts';
import { projectionScene } from './projection-scene.ts';

interface Reboots {
  of(id: string): number | undefined;
}

test('the projection of the how-to counts what it says, and is built and rebuilt like the others', async () => {
  const place = mkdtempSync(join(tmpdir(), 'statevisor-sample-'));
  try {
    const file = join(place, 'reboots.ts');
    writeFileSync(file, runnable(document('docs/how-to/add-a-projection.md'), 'reboots'));
    const { rebootsProjection } = (await import(file)) as { rebootsProjection: Projection<object, Reboots> };
    const scene = projectionScene(12);
    const { instances } = PROJECTIONS;
    const engine = await scene.engine({ instances, reboots: listed(rebootsProjection) });
    for (const stream of scene.streams) while (await stream.append()) stream.publish();
    const counts = (): (number | undefined)[] => scene.streams.map(({ id }) => engine.views.reboots.of(id));
    const incremental = counts();
    const present = scene.streams.map(({ id }) => engine.views.instances.get(id) !== undefined);
    expect(incremental.map((count) => count !== undefined)).toEqual(present);
    const [create] = recordedHistories(1)[0]!.records;
    const record: InstanceRecord = { ...create!, version: 2, event: { type: 'guest.rebooted', at: 1, run: 1 } };
    const rebooted = rebootsProjection.fold(undefined, { record, definition: create!.definition!, position: '1' });
    expect(rebooted).toEqual({ reboots: 1 });
    await engine.rebuild(['reboots']);
    expect(counts()).toEqual(incremental);
    expect(engine.status().reboots?.parked.total).toBe(0);
  } finally {
    rmSync(place, { recursive: true });
  }
});
