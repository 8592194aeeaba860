/**
 * Goal: a first start makes one instance `hello` and no other start does; what is said is so. Method: the doors of a
 * daemon as a recording stand-in, in simulated time.
 */
import { describe, expect, test } from 'vitest';
import { SimulatedClock } from '../../../src/actors/clock.ts';
import { StatevisorError } from '../../../src/actors/errors.ts';
import type { Daemon } from '../../../src/cli/daemon/daemon.ts';
import { firstMinutes, NAMED_MAX } from '../../../src/cli/first-minutes/first-minutes.ts';
import { FOLLOW_MAX_MS } from '../../../src/cli/first-minutes/hello.ts';
import { progressOn } from '../../../src/cli/first-minutes/progress.ts';
import { mayRunOn, stopping, tookOver, whereToLook } from '../../../src/cli/first-minutes/texts.ts';
import { createRequest } from '../../../src/gateway/requests/create.ts';
import type { InstanceView } from '../../../src/projections/instance-view.ts';

const VIEW = {
  name: 'hello',
  state: 'Running',
  state_error: null,
  network: { enabled: true, ports: [{ guest_port: 80, host_port: 20_000 }] },
} as unknown as InstanceView;
const PLACE = { data: '.statevisor', directory: '/elsewhere/.statevisor', isFound: true };

/** A daemon whose instance is in one state after the other, each for as long as one look takes. */
function scene({ position = '', states = ['Running'], running = [] as string[], refuse = false, instances = 1 } = {}) {
  const clock = new SimulatedClock(0);
  const created: unknown[] = [];
  const said: string[] = [];
  const shown: string[] = [];
  const left = [...states];
  let state = states[0]!;
  const useCases = {
    create: async (input: unknown, caller: unknown) => {
      if (refuse) throw new StatevisorError('image_not_found', 'There is no image demo.');
      created.push({ input, caller });
      return { body: VIEW };
    },
    wait: async () => {
      await clock.sleep(1_000);
      if (left.length > 1) left.shift();
      state = left[0]!;
      return { body: { state } };
    },
    get: async () => {
      if (position === '' && created.length === 0) throw new StatevisorError('not_found', 'There is none.');
      return { body: { ...VIEW, state, state_error: state === 'Stopped' ? 'no kernel' : null } };
    },
  };
  const daemon = {
    hypervisor: 'qemu',
    useCases,
    position: () => position,
    supervisor: { quiet: async () => {}, status: () => ({ instances }) },
    namesWhere: () => running,
  } as unknown as Daemon;
  const ending = new AbortController();
  const progress = { show: (text: string) => shown.push(text), clear: () => shown.push('') };
  const run = (hello = true): Promise<void> =>
    firstMinutes({
      daemon,
      clock,
      say: (line) => said.push(line),
      signal: ending.signal,
      hello,
      place: PLACE,
      progress,
    });
  return { clock, created, said, shown, ending, run };
}

describe('the instance hello', () => {
  test('is created as everybody creates one, by the start, when nothing was ever recorded', async () => {
    const { clock, created, run } = scene();
    const done = run();
    await clock.advance(1_000);
    await done;
    expect(created).toMatchObject([{ caller: { actor: 'start', via: 'system' } }]);
    const { input } = created[0] as { input: unknown };
    expect(createRequest.parse(input)).toMatchObject({
      name: 'hello',
      image: 'demo',
      restart_policy: { policy: 'on_failure' },
    });
  });

  test.for([
    ['something was recorded before, whatever became of it', { position: '0001' }, true],
    ['it is not asked for', {}, false],
  ] as const)('is not created when %s', async ([, given, hello]) => {
    const { clock, created, run } = scene(given);
    const done = run(hello);
    await clock.advance(1_000);
    await done;
    expect(created).toEqual([]);
  });

  test('that is refused is told, and the daemon serves all the same', async () => {
    const { said, run } = scene({ refuse: true });
    await run();
    expect(said[0]).toBe('hello was not created: There is no image demo.');
    expect(said.join('\n')).toContain('npx statevisor ps');
  });

  test('is followed until it runs, with a line that counts', async () => {
    const { clock, said, shown, run } = scene({ states: ['Created', 'Initializing', 'Initializing', 'Running'] });
    const done = run();
    await clock.advance(3_000);
    await done;
    expect(shown).toEqual(['hello: booting, 0 s', 'hello: booting, 1 s', 'hello: booting, 2 s', '']);
    expect(said.slice(0, 3)).toEqual(['hello is booting...', 'hello is Running after 3.0 s.', 'hello answers at']);
  });

  test('that comes to rest elsewhere is told with the reason, and no address', async () => {
    const { clock, said, run } = scene({ states: ['Initializing', 'Stopped'] });
    const done = run();
    await clock.advance(1_000);
    await done;
    expect(said).toContain('hello is Stopped: no kernel');
    expect(said.join('\n')).not.toContain('answers at');
  });

  test('that takes for ever is not followed for ever', async () => {
    const { clock, said, run } = scene({ states: ['Initializing'] });
    const done = run();
    await clock.advance(FOLLOW_MAX_MS);
    await done;
    expect(said).toContain('hello is Initializing');
  });

  test('is left alone, without another word, when the daemon is told to end meanwhile', async () => {
    const { clock, said, ending, run } = scene({ states: ['Initializing'] });
    const done = run();
    await clock.settle();
    ending.abort();
    await clock.advance(1_000);
    await done;
    expect(said).toEqual(['hello is booting...']);
  });
});

describe('what is said', () => {
  test('what ran on is named at the next start, and nothing is said where nothing did', async () => {
    const { said, run } = scene({ position: '0001', running: ['hello', 'web'] });
    await run(false);
    expect(said).toEqual(['Took over what ran on meanwhile, 2 VMs: hello, web.']);
    expect(tookOver([])).toEqual([]);
  });

  test('a host of many instances is not kept waiting for all of them', async () => {
    const { said, run } = scene({ position: '0001', instances: NAMED_MAX + 1, running: ['web'] });
    await run(false);
    expect(said).toEqual([`Looking after ${NAMED_MAX + 1} instances.`]);
  });

  test('at an end: what runs on, and how to end it', () => {
    expect(stopping([])).toEqual(['Stopping; no VM is running.']);
    const lines = stopping(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
    expect(lines[0]).toBe('Stopping; these run on, 7 VMs: a, b, c, d, e and 2 more.');
    expect(lines[1]).toContain('npx statevisor stop NAME');
  });

  test('a VM of which nobody can say whether it lives is said to run on, unless its end is known', () => {
    for (const phase of ['running', 'stopping', 'lost', 'quarantined'] as const)
      expect([phase, mayRunOn({ phase, stopped_at: null })]).toEqual([phase, true]);
    for (const phase of ['stopped', 'backoff', 'standby', 'deleting', 'preparing'] as const)
      expect([phase, mayRunOn({ phase, stopped_at: null })]).toEqual([phase, false]);
    expect(mayRunOn({ phase: 'quarantined', stopped_at: '2026-01-01T12:00:00.000Z' })).toBe(false);
  });

  test('commands name the data directory when they would not find it', () => {
    const place = { data: '/srv/x', directory: '/srv/x', isFound: false };
    expect(whereToLook(VIEW, false, place).join('\n')).toContain('npx statevisor history hello --data /srv/x');
    expect(whereToLook(VIEW, false, PLACE).join('\n')).not.toContain('--data');
  });

  test('a simulated one is not said to answer', () => {
    expect(whereToLook(VIEW, true, PLACE)[0]).toBe('hello is simulated: nobody answers on its ports.');
  });

  test('the line that changes is there on a terminal only', () => {
    const written: string[] = [];
    const write = (text: string): void => void written.push(text);
    progressOn({ write }).show('x');
    expect(written).toEqual([]);
    progressOn({ isTTY: true, write }).show('x');
    expect(written).toEqual(['\r\u001b[2Kx']);
  });
});
