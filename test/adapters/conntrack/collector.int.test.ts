import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UNREAD_MAX } from '../../../src/adapters/conntrack/collector-process.ts';
import { until } from '../../cli/daemon-process.ts';
import { counts, FLOW, GUEST, isLost, listen, NEIGHBOUR } from '../../contracts/activity.world.ts';
import { clock, type KernelWorld, listened, makeKernelWorld, withChildren } from './kernel.world.ts';

const LIMIT_MS = 30_000;
const A_MOMENT_MS = 100;
/** Everything but what the kernel asks of those who speak to its connection tracking. */
const WITHOUT_RIGHTS = ['setpriv', '--bounding-set', '-net_admin', '--inh-caps', '-net_admin'];
const program = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const isGone = (pid: number): Promise<boolean> => until(() => !existsSync(`/proc/${pid}`), Boolean, LIMIT_MS);

describe('the collector of connections', () => {
  let world: KernelWorld;
  beforeEach(async () => {
    world = await makeKernelWorld();
  });
  afterEach(() => world.destroy());

  async function startDaemon(...words: string[]): Promise<{ daemon: ChildProcess; collector: number }> {
    const [file = '', ...args] = [...world.place.enter, process.execPath, program('daemon.process.ts'), ...words];
    const daemon = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: daemon.stdout! }), 'line')) as [string];
    return { daemon, collector: Number(line) };
  }

  it('is started again when it was killed: until the table has been read anew nothing is known', async () => {
    const source = world.conntrack();
    const asked = source.confirm(GUEST);
    process.kill(source.collectorPid()!, 'SIGKILL');
    expect(await asked).toMatchObject({ observer: 'lost', error: expect.stringContaining('ended with SIGKILL') });
    const heard = listen(listened(source));
    await heard.next(counts(0));
    const killed = source.collectorPid()!;
    process.kill(killed, 'SIGKILL');
    await heard.next(isLost);
    expect(source.status()).toMatchObject({ state: 'lost', error: expect.stringContaining('SIGKILL') });
    await world.open(FLOW);
    await heard.next(counts(1));
    expect(source.collectorPid()).not.toBe(killed);
    expect(source.status()).toMatchObject({ state: 'in_order', mode: 'netlink', losses: 2 });
  });

  it('is killed and started again when it hangs: what it had told is not believed any longer', async () => {
    const source = world.conntrack({ silenceLimitMs: 3_000 });
    const heard = listen(listened(source));
    await heard.next(counts(0));
    const hung = source.collectorPid()!;
    process.kill(hung, 'SIGSTOP');
    const { error } = await until(
      () => source.status(),
      ({ state }) => state === 'lost',
      LIMIT_MS,
    );
    expect(error).toContain('said nothing for 3000 ms');
    await heard.next(isLost);
    expect(await isGone(hung)).toBe(true);
    await world.open(FLOW);
    await heard.next(counts(1));
  });

  it('is not written to without end while it hangs: it is killed, and another one is told who is watched', async () => {
    const source = world.conntrack();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    const hung = source.collectorPid()!;
    process.kill(hung, 'SIGSTOP');
    for (let sent = 0; sent <= 2 * UNREAD_MAX && source.collectorPid() === hung; sent += 2) {
      source.watch(NEIGHBOUR, () => undefined)();
      // Its pipe is filled in turns of the daemon.
      if (sent % 1_024 === 0) await clock.turn();
    }
    await heard.next(
      (reading) => reading.observer === 'lost' && reading.error.includes(`${UNREAD_MAX} messages unread`),
    );
    expect(await isGone(hung)).toBe(true);
    await world.open(FLOW);
    await heard.next(counts(1));
  });

  it('ends with the daemon, also when that is killed', async () => {
    const { daemon, collector } = await startDaemon('stay');
    daemon.kill('SIGKILL');
    expect(await isGone(collector)).toBe(true);
  });

  it('ends with the source, and the tool that it reads through with it', async () => {
    const source = world.conntrack({ modes: ['conntrack'] });
    await source.confirm(GUEST);
    // The one that has read the table may take a moment to be gone.
    const all = await until(
      () => withChildren(source.collectorPid()!),
      ({ length }) => length === 2,
      LIMIT_MS,
    );
    await source.close();
    for (const pid of all) expect(await isGone(pid)).toBe(true);
  });

  it('keeps no daemon from ending that has nothing left to do', async () => {
    const { daemon, collector } = await startDaemon();
    const [status] = (await once(daemon, 'exit')) as [number];
    expect(status).toBe(0);
    expect(await isGone(collector)).toBe(true);
  });

  it('skips and counts a message that means nothing, and hears the next one', async () => {
    const source = world.conntrack();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    await world.place.run(process.execPath, program('garbage.process.ts'));
    await world.open(FLOW);
    await heard.next(counts(1));
    await until(
      () => source.status(),
      ({ garbage, state }) => garbage === 1 && state === 'in_order',
      LIMIT_MS,
    );
    expect(heard.readings.some(isLost)).toBe(false);
  });

  it('finds a connection that nobody told of when it reads the table again', async () => {
    const source = world.conntrack({ recheckMs: 200 });
    const heard = listen(listened(source));
    await heard.next(counts(0));
    await world.setTelling(false);
    await world.open(FLOW);
    await world.setTelling(true);
    await heard.next(counts(1));
    await until(
      () => source.status(),
      ({ resyncs }) => resyncs >= 1,
      LIMIT_MS,
    );
  });

  it('says that the daemon may not read connections, takes the next way, and says why', async () => {
    const before = [...world.place.enter, ...WITHOUT_RIGHTS];
    const [alone, any] = [world.conntrack({ before, modes: ['netlink', 'conntrack'] }), world.conntrack({ before })];
    expect(await alone.confirm(GUEST)).toMatchObject({
      observer: 'lost',
      error: expect.stringContaining('CAP_NET_ADMIN'),
    });
    await until(
      () => alone.status(),
      ({ state }) => state === 'unsupported',
      LIMIT_MS,
    );
    expect(await any.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 0 });
    const { mode, state, error } = any.status();
    expect({ mode, state }).toEqual({ mode: 'procfs', state: 'in_order' });
    expect(error).toContain('netlink: the daemon needs CAP_NET_ADMIN');
  });

  it('does not believe a kernel that tells of no connections: it names the setting, until it is put right', async () => {
    const source = world.conntrack({ modes: ['netlink'] });
    await listen(listened(source)).next(counts(0));
    await world.setTelling(false);
    const answer = await source.confirm(GUEST);
    expect(answer).toMatchObject({ observer: 'lost', error: expect.stringContaining('nf_conntrack_events is 0') });
    expect(source.status().state).toBe('lost');
    await world.setTelling(true);
    await until(
      () => source.confirm(GUEST),
      ({ observer }) => observer === 'in_order',
      LIMIT_MS,
    );
  });

  it('reads the file where the program is not installed and the kernel cannot be spoken to, and says so', async () => {
    const before = [...world.place.enter, ...WITHOUT_RIGHTS, 'env', 'PATH=/nowhere'];
    const source = world.conntrack({ before });
    expect(await source.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 0 });
    expect(source.status()).toMatchObject({
      mode: 'procfs',
      error: expect.stringMatching(/^netlink: .*CAP_NET_ADMIN.*; conntrack: the program conntrack is not installed$/),
    });
  });

  it('cannot be started again where its network namespace is gone: nothing is known, and it is said', async () => {
    const source = world.conntrack();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    await world.place.close();
    process.kill(source.collectorPid()!, 'SIGKILL');
    await heard.next((reading) => reading.observer === 'lost' && reading.error.includes('status 1'));
    expect(await source.confirm(GUEST)).toMatchObject({ observer: 'lost' });
    expect(source.status().state).toBe('lost');
  });

  it('removes nothing that it comes to late: by then a guest is up there, which would sleep beside its client', async () => {
    const source = world.conntrack();
    const heard = listen(listened(source));
    await heard.next(counts(0));
    await world.open(FLOW);
    await heard.next(counts(1));
    process.kill(source.collectorPid()!, 'SIGSTOP');
    const before = clock.now() + A_MOMENT_MS;
    const removed = source.forget(GUEST.addresses, before).then(
      () => 'removed',
      ({ message }: Error) => message,
    );
    await until(
      () => clock.now(),
      (now) => now > before,
      LIMIT_MS,
    );
    process.kill(source.collectorPid()!, 'SIGCONT');
    expect(await removed).toContain('not removed in time');
    expect(await source.confirm(GUEST)).toMatchObject({ observer: 'in_order', connections: 1 });
  });

  it('is not asked about a guest without addresses: nothing is known of it', async () => {
    const source = world.conntrack();
    const nowhere = { ...GUEST, addresses: [] };
    expect(await source.confirm(nowhere)).toMatchObject({
      observer: 'lost',
      error: expect.stringContaining('no address'),
    });
    await listen(listened(source), nowhere).next(isLost);
  });
});
