/** Goal: no guest is blamed for what this process missed. Method: the machine's own clock, and a thread that is held up in earnest. */
import { expect, test } from 'vitest';
import { systemClock } from '../../../src/actors/clock.ts';
import type { ProbeResult, Prober } from '../../../src/actors/contracts/probe.ts';
import { type ProbeEvent, ProbeScheduler } from '../../../src/actors/probing/probe-scheduler.ts';
import { STALL_MIN_MS } from '../../../src/actors/probing/stall-watch.ts';
import { CHECK, NOTHING_COUNTED } from './probing-scene.ts';

const clock = systemClock();
const HELD_UP_MS = STALL_MIN_MS + 300;
const REFUSED: ProbeResult = { result: 'failed', error: 'refused' };

/** Holds up this thread: no timer fires and nothing is read meanwhile. */
function holdUp(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD_UP_MS);
}

/** What is heard of a guest after the process was held up in the midst of its probe. */
async function heardAfterHoldUp(probe: Prober['probe']): Promise<ProbeEvent> {
  const { promise: asked, resolve: noteAsked } = Promise.withResolvers<void>();
  const { promise: heard, resolve: noteHeard } = Promise.withResolvers<ProbeEvent>();
  const scheduler = new ProbeScheduler({
    clock,
    prober: {
      probe: (...question) => {
        noteAsked();
        return probe(...question);
      },
    },
    deliver: (_, event) => noteHeard(event),
  });
  const guest = { instance: 'web', run: 1, address: null, ports: [] };
  scheduler.open({ guest, check: { ...CHECK, timeout_ms: 200 }, revision: 1 }, NOTHING_COUNTED);
  await asked;
  holdUp();
  const event = await heard;
  scheduler.close();
  return event;
}

test.for<[string, Prober['probe']]>([
  ['that never answered', () => new Promise(() => {})],
  ['whose connection broke', () => clock.sleep(100).then(() => REFUSED)],
  [
    'whose connection broke when its time was up',
    (_guest, { timeout_ms }) => clock.sleep(timeout_ms).then(() => REFUSED),
  ],
])('a guest %s while the process was held up could not be asked', async ([, probe]) => {
  const event = await heardAfterHoldUp(probe);
  expect(event).toMatchObject({ type: 'probe.unavailable', error: expect.stringContaining('stood still') });
});

test('a guest that answered while the process was held up has answered', async () => {
  const event = await heardAfterHoldUp(() => clock.sleep(100).then(() => ({ result: 'passed' })));
  expect(event).toMatchObject({ type: 'probe.passed' });
});
