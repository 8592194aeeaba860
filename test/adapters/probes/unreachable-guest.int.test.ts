import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ProbeResult } from '../../../src/actors/contracts/probe.ts';
import { type Namespace, openNamespace } from '../bridge/namespace.ts';

/** In a network namespace: guests on a network of the host, and guests to whom the host has no way. */

const PROGRAM = fileURLToPath(new URL('./probe.process.ts', import.meta.url));
const [GATEWAY, NOBODY, ELSEWHERE, FORBIDDEN] = ['10.91.0.1', '10.91.0.9', '10.92.0.9', '10.93.0.9'] as const;

describe('a guest that cannot be reached', () => {
  let place: Namespace;
  let answers: ProbeResult[];

  beforeAll(async () => {
    place = await openNamespace();
    await place.run('ip', 'link', 'add', 'svprobe0', 'type', 'veth', 'peer', 'name', 'svprobe1');
    await place.run('ip', 'address', 'add', `${GATEWAY}/24`, 'dev', 'svprobe0');
    for (const device of ['svprobe0', 'svprobe1']) await place.run('ip', 'link', 'set', 'dev', device, 'up');
    // How long the kernel asks in vain for the hardware address of a neighbour.
    await place.run('ip', 'ntable', 'change', 'name', 'arp_cache', 'dev', 'svprobe0', 'retrans', '50');
    await place.run('ip', 'route', 'add', 'prohibit', `${FORBIDDEN}/32`);
    answers = JSON.parse(await place.run(process.execPath, PROGRAM, NOBODY, ELSEWHERE, FORBIDDEN, GATEWAY));
  });
  afterAll(() => place.close());

  it('has failed when nobody on its network has its address', () => {
    expect(answers[0]).toEqual({ result: 'failed', error: 'the guest does not answer on its network (EHOSTUNREACH)' });
  });

  it('is unavailable when the host has no route to it', () => {
    expect(answers[1]).toEqual({
      result: 'unavailable',
      error: "this host has no route to the guest's network (ENETUNREACH)",
    });
  });

  it('is unavailable when the host forbids it', () => {
    expect(answers[2]).toEqual({ result: 'unavailable', error: 'this host forbids the connection (EACCES)' });
  });

  it('has failed when it answers that nothing listens', () => {
    expect(answers[3]).toEqual({ result: 'failed', error: 'connection refused (ECONNREFUSED)' });
  });
});
