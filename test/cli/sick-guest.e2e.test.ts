import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { freePort } from '../adapters/probes/guest-server.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { type DaemonProcess, until, type Workplace, workplace } from './daemon-process.ts';

/**
 * A real guest whose workload falls sick while its VM runs well: it is asked over HTTP and by its own agent, restarted
 * once for its health, and not at all against the word of its operator. Everything is told by `history` in plain words.
 */

const NAME = 'patient';
const LIMIT_MS = 120_000;
/** A guest that answers late on a busy machine has not failed. */
const IN_TIME = ['--health-interval', '3s', '--health-timeout', '3s'] as const;
const TIMES = [...IN_TIME, '--health-start-period', '0s', '--health-failures', '2'] as const;
const RESTART = ['--restart', 'on_failure', '--backoff', '10m', '--stable-after', '1h'] as const;
const HTTP = ['--health', 'http:80/health', ...TIMES] as const;
const EXEC = ['--health', 'exec:test -e /www/health', ...TIMES] as const;

describe('a real guest that falls sick', () => {
  let place: Workplace;
  let daemon: DaemonProcess;

  beforeAll(async () => {
    place = workplace();
    daemon = await place.serve('--hypervisor', 'qemu', '--nats', 'off', '--no-hello');
  });
  afterAll(async () => {
    await place.cli('rm', NAME);
    await daemon.end('SIGTERM');
    place.remove();
  });

  const done = async (...args: string[]): Promise<string> => {
    const { status, stdout, stderr } = await place.cli(...args);
    expect({ status, stderr }, args.join(' ')).toMatchObject({ status: 0 });
    return stdout;
  };
  const becomes = (good: (view: InstanceView) => boolean): Promise<InstanceView> =>
    until(() => place.get(NAME), good, LIMIT_MS);
  const isWell = ({ health_status }: InstanceView): boolean => health_status.status === 'healthy';
  const isSick = ({ health_status }: InstanceView): boolean => health_status.status === 'unhealthy';
  const fallSick = async (): Promise<void> => {
    const port = (await place.get(NAME)).network.ports?.find(({ guest_port }) => guest_port === 80)?.host_port;
    expect(await (await fetch(`http://127.0.0.1:${port}/cgi-bin/sick`)).text()).toContain('sick');
  };
  /** What history prints from a record on, without when, who and what differs from one machine to the next. */
  const told = async (from: number): Promise<string[]> =>
    (await done('history', NAME))
      .trimEnd()
      .split('\n')
      .slice(from - 1)
      .map((line) => line.split(/ {2,}/).slice(3).join('  '))
      .map((line) => line.replace(/ after \S+ \(v| in \S+ \(v/g, ' (v').replace(/pid \d+/, 'pid'));

  test('is unhealthy after the threshold, restarted exactly once, and healthy again', async () => {
    // A port that is free at this moment: a daemon that somebody runs on this machine has the first ones of the range.
    await done('run', NAME, '--size', '96MB', '--port', `${await freePort()}:80`, ...HTTP, ...RESTART);
    expect(await becomes(isWell)).toMatchObject({ state: 'Running', run: 1 });
    await fallSick();
    const view = await becomes((seen) => seen.run === 2 && isWell(seen));
    expect(view).toMatchObject({
      state: 'Running',
      restart_status: { attempts: 1 },
      restart: { causes: [{ attempt: 1, cause: 'health', detail: 'expected status 200, got 404' }] },
    });
    expect(await vmmsUnder(place.data)).toEqual([view.pid]);
  });

  test('history shows the probes, the verdict, the restart and the new run, in this order', async () => {
    const seen = await told(5);
    expect(seen).toEqual([
      'probe of run 1 passed  => health starting -> healthy  [running]',
      'probe of run 1 failed (expected status 200, got 404)  [running]',
      'probe of run 1 failed (expected status 200, got 404)  => health healthy -> unhealthy (expected status 200, got 404)  | admission by the host done (v8)  [running]',
      'the host lets it run (health)  => restart attempt 1 (health); stop requested (run 1, health)  | shutdown over, its run ended (v9)  [stopping]',
      'run 1 ended: power_off  => run 1 ended as planned: power_off; boot requested (run 2, health)  | boot done (v10)  [booting]',
      'boot of run 2 done, pid  => run 2 booted  [booting]',
      'guest of run 2 is ready  => run 2 ready  [running]',
      'probe of run 2 passed  => health starting -> healthy  [running]',
    ]);
  });

  test('a program in the guest passes, then fails; a stop while the next restart waits has the last word', async () => {
    await done('update', NAME, ...EXEC);
    expect(await becomes(isWell)).toMatchObject({ run: 2, health_check: { type: 'exec' } });
    await fallSick();
    expect(await becomes(isSick)).toMatchObject({
      health_status: { last_error: 'exit status 1' },
      restart: { pending: { cause: 'health', waits_for: 'backoff' } },
    });
    await done('stop', NAME);
    const view = await becomes(({ state }) => state === 'Stopped');
    expect(view).toMatchObject({ wanted: 'stopped', run: 2, pid: null });
    expect(view.restart?.pending).toBeUndefined();
    expect(await vmmsUnder(place.data)).toEqual([]);
    expect((await told(13)).map((line) => line.replace(/due at \S+/, 'due'))).toEqual([
      'update health_check  => updated health_check  [running]',
      'probe of run 2 passed  => health starting -> healthy  [running]',
      'probe of run 2 failed (exit status 1)  [running]',
      'probe of run 2 failed (exit status 1)  => health healthy -> unhealthy (exit status 1); restart attempt 2 due (health)  [running]',
      'stop  => wanted stopped; stop requested (run 2, operator); restarts blocked: manual_stop  | shutdown over, its run ended (v18)  [stopping]',
      'run 2 ended: power_off  => run 2 ended as planned: power_off  [stopped]',
    ]);
  });
});
