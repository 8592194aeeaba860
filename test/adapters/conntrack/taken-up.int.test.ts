import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { counts, GUEST, listen } from '../../contracts/activity.world.ts';
import type { Namespace } from '../bridge/namespace.ts';
import { openNamespace } from '../bridge/namespace.ts';
import { type KernelWorld, listened, makeKernelWorld } from './kernel.world.ts';

/** Real connections between two network namespaces, of which the kernel forgets what it knew while they are open. */

const HOST = '10.9.0.1';
const [ADDRESS = ''] = GUEST.addresses;
const program = fileURLToPath(new URL('pushing.process.ts', import.meta.url));
const LIMIT_MS = 30_000;

describe('a connection that the kernel has forgotten while it was open', { timeout: LIMIT_MS }, () => {
  let world: KernelWorld;
  let guest: Namespace;
  beforeEach(async () => {
    world = await makeKernelWorld();
    guest = await openNamespace(world.place);
    const peer = ['peer', 'name', 'eth0', 'netns', String(guest.pid)];
    await world.place.run('ip', 'link', 'add', 'name', 'guest0', 'type', 'veth', ...peer);
    await world.place.run('ip', 'address', 'add', `${HOST}/24`, 'dev', 'guest0');
    await world.place.run('ip', 'link', 'set', 'dev', 'guest0', 'up');
    await guest.run('ip', 'address', 'add', `${ADDRESS}/24`, 'dev', 'eth0');
    await guest.run('ip', 'link', 'set', 'dev', 'eth0', 'up');
  });
  afterEach(async () => {
    await guest.close();
    await world.destroy();
  });

  it('counts again when the guest is the first to speak; what a guest has opened itself never does', async () => {
    world.place.start(process.execPath, program, 'push', HOST, '8080');
    guest.start(process.execPath, program, 'hear', HOST, '8080');
    const server = guest.start(process.execPath, program, 'push', ADDRESS, '80');
    const source = world.conntrack({ modes: ['netlink'] });
    const heard = listen(listened(source));
    await heard.next(counts(0));
    const client = world.place.start(process.execPath, program, 'hear', ADDRESS, '80');
    await heard.next(counts(1));
    // It says nothing meanwhile: the kernel would take it up again before anybody has heard that it forgot it.
    server.kill('SIGSTOP');
    await world.place.run('conntrack', '-D', '-r', ADDRESS);
    await heard.next(counts(0));
    server.kill('SIGCONT');
    // Now the kernel takes the guest for who opened it.
    await heard.next(counts(1));
    expect(await world.place.run('conntrack', '-L', '-s', ADDRESS, '-d', HOST)).toContain(' sport=80 ');
    expect(await source.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 1 });
    expect(source.connectionsOf(GUEST.instance)?.listed).toMatchObject([{ client: HOST, port: 80, protocol: 'tcp' }]);
    client.kill();
    await heard.next(counts(0));
    expect(await source.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 0 });
  });
});
