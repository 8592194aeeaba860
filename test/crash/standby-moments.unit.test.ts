import { describe, expect, test } from 'vitest';
import { atEveryMoment } from './at-every-moment.ts';
import { CAPTURE, COPY, FORK, RESTORE, REVERT, STANDBY } from './moments-scenes.ts';
import { type Moment, play } from './moments-world.ts';

/**
 * Goal: at every moment of falling asleep and of waking a client, an operator or the death of the daemon is dealt with
 * honestly: before the guest's end is asked for it runs on for whoever needs it; after that it sleeps, and wakes when it
 * is told to. Nobody is lost, and nobody lives twice.
 * Method: the scene is played undisturbed to learn its moments, and then once more for every one of them.
 */

/** Moments in which there is a fork that can be stopped. */
const FORK_MOMENTS_MIN = 10;

/** The table is read before the pause, after it and after the snapshot: the third answer is the last word. */
const LAST_READ = 3;

/** Index of the moment in which the last read of the table has been answered, or is durable. */
function pointOfNoReturn(moments: readonly Moment[], point: 'decided' | 'result_appended'): number {
  const answers = moments.flatMap((moment, index) =>
    moment.point === point && moment.subject === 'traffic.confirmed_idle' ? [index] : [],
  );
  expect(answers).toHaveLength(LAST_READ);
  return answers[LAST_READ - 1]!;
}

const undisturbed = async (): Promise<readonly Moment[]> => (await play(STANDBY, 'nothing', 0)).moments;

describe('a guest that is put away because it is idle', () => {
  test('sleeps in the end, in a run that is taken up again', async () => {
    const { phase, vmms, spawns, violations, later } = await play(STANDBY, 'nothing', 0);
    expect([phase, vmms, spawns, violations]).toEqual(['standby', 0, 1, []]);
    expect(await later({ type: 'restore', by: 'test' })).toEqual({ phase: 'running', vmms: 1 });
  });

  test('runs on for a client that comes before its end is asked for; later ones find it asleep, and it wakes', async () => {
    const last = pointOfNoReturn(await undisturbed(), 'decided');
    await atEveryMoment(STANDBY, 'connect', async ({ phase, vmms, spawns, later }, { index, where }) => {
      const served = index < last;
      expect([where, phase, vmms, spawns]).toEqual([where, ...(served ? ['running', 1, 1] : ['standby', 0, 1])]);
      if (!served) expect(await later({ type: 'restore', by: 'test' })).toEqual({ phase: 'running', vmms: 1 });
    });
  });

  test('runs on for a hold that comes before its end is asked for; a later one is refused', async () => {
    const last = pointOfNoReturn(await undisturbed(), 'decided');
    await atEveryMoment(STANDBY, 'hold', ({ phase, vmms, acknowledged, refused }, { index, where }) => {
      const held = ['running', 1, true, null];
      const told = ['standby', 0, false, 'instance_in_standby'];
      expect([where, phase, vmms, acknowledged, refused]).toEqual([where, ...(index < last ? held : told)]);
    });
  });

  test('is up for whoever starts it at any moment, and idle again afterwards', () =>
    atEveryMoment(STANDBY, 'start', ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'standby', 0, true]),
    ));

  test('stays stopped at whatever moment it is stopped, though the daemon dies right after', () =>
    atEveryMoment(STANDBY, 'stop_and_kill', ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'stopped', 0, true]),
    ));

  test.each(['delete', 'delete_and_kill'] as const)('is gone with all it had at whatever moment: %s', (interference) =>
    atEveryMoment(STANDBY, interference, ({ phase, vmms, snapshots, acknowledged }, { where }) =>
      expect([where, phase, vmms, snapshots.stored, acknowledged]).toEqual([where, 'deleted', 0, [], true]),
    ),
  );

  test('sleeps in the end at whatever moment the daemon dies, and is booted no second time', () =>
    atEveryMoment(STANDBY, 'kill', async ({ phase, vmms, spawns, later }, { where }) => {
      expect([where, phase, vmms, spawns]).toEqual([where, 'standby', 0, 1]);
      expect([where, await later({ type: 'restore', by: 'test' })]).toEqual([where, { phase: 'running', vmms: 1 }]);
    }));

  test('runs on for a client that comes as the daemon dies, unless its end was on record', async () => {
    const last = pointOfNoReturn(await undisturbed(), 'result_appended');
    await atEveryMoment(STANDBY, 'connect_and_kill', ({ phase, vmms, spawns }, { index, where }) =>
      expect([where, phase, vmms, spawns]).toEqual([where, ...(index < last ? ['running', 1, 1] : ['standby', 0, 1])]),
    );
  });
});

describe('a guest that is woken', () => {
  test('runs in the end at whatever moment the daemon dies, taken up once; before the command is on record it sleeps on', () =>
    atEveryMoment(RESTORE, 'kill', ({ phase, vmms, spawns }, { index, where }) =>
      expect([where, phase, vmms, spawns]).toEqual([where, ...(index > 0 ? ['running', 1, 2] : ['standby', 0, 1])]),
    ));

  test.each(['stop', 'stop_and_kill'] as const)('stays stopped at whatever moment: %s', (interference) =>
    atEveryMoment(RESTORE, interference, ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'stopped', 0, true]),
    ),
  );

  test.each(['delete', 'delete_and_kill'] as const)('is gone with all it had at whatever moment: %s', (interference) =>
    atEveryMoment(RESTORE, interference, ({ phase, vmms, snapshots, acknowledged }, { where }) =>
      expect([where, phase, vmms, snapshots.stored, acknowledged]).toEqual([where, 'deleted', 0, [], true]),
    ),
  );
});

describe('a snapshot under a name', () => {
  const SCENES = [
    ['of a guest that runs', CAPTURE, ['running', 1]],
    ['of a guest that sleeps', COPY, ['standby', 0]],
  ] as const;

  test.each(SCENES)('%s is whole, or there is none, at whatever moment the daemon dies', async (_of, scene, rest) => {
    const undisturbed = await play(scene, 'nothing', 0);
    expect(undisturbed.snapshots.recorded).toContain('kept');
    await atEveryMoment(scene, 'kill', ({ phase, vmms, spawns }, { where }) =>
      expect([where, phase, vmms, spawns]).toEqual([where, ...rest, 1]),
    );
  });

  test.each(SCENES)('%s keeps nobody from stopping it, and stays if it was whole', (_of, scene) =>
    atEveryMoment(scene, 'stop_and_kill', ({ phase, vmms, acknowledged }, { where }) =>
      expect([where, phase, vmms, acknowledged]).toEqual([where, 'stopped', 0, true]),
    ),
  );

  test.each(SCENES)('%s goes with its instance', (_of, scene) =>
    atEveryMoment(scene, 'delete_and_kill', ({ phase, vmms, snapshots, acknowledged }, { where }) =>
      expect([where, phase, vmms, snapshots.stored, acknowledged]).toEqual([where, 'deleted', 0, [], true]),
    ),
  );

  test('is there still when it was brought back, at whatever moment the daemon dies, and its guest runs once', () =>
    atEveryMoment(REVERT, 'kill', ({ phase, vmms, spawns, snapshots }, { index, where }) => {
      expect([where, snapshots.recorded]).toEqual([where, ['kept']]);
      expect([where, phase, vmms, spawns]).toEqual([where, ...(index > 0 ? ['running', 1, 2] : ['stopped', 0, 1])]);
    }));

  test.each(['stop', 'stop_and_kill'] as const)(
    'that is brought back starts nobody who is stopped: %s',
    (interference) =>
      atEveryMoment(REVERT, interference, ({ phase, vmms, snapshots, acknowledged }, { where }) =>
        expect([where, phase, vmms, snapshots.recorded, acknowledged]).toEqual([where, 'stopped', 0, ['kept'], true]),
      ),
  );
});

describe('a fork', () => {
  test('runs once, as an instance of its own, at whatever moment the daemon dies; before it is on record there is none', () =>
    atEveryMoment(FORK, 'kill', ({ phase, vmms, spawns }, { index, where }) =>
      expect([where, phase, vmms, spawns]).toEqual([where, 'running', 1, index > 0 ? 2 : 1]),
    ));

  test.each(['stop', 'stop_and_kill'] as const)(
    'that is stopped at whatever moment is stopped, and keeps nothing of what it was copying: %s',
    async (interference) => {
      let stopped = 0;
      await atEveryMoment(FORK, interference, ({ phase, vmms, snapshots, acknowledged }, { where }) => {
        // Before it is on record there is only its source to be stopped, which keeps its snapshot.
        if (!acknowledged || snapshots.recorded.includes('kept')) return;
        stopped += 1;
        expect([where, phase, vmms, snapshots.stored]).toEqual([where, 'stopped', 0, []]);
      });
      expect(stopped).toBeGreaterThan(FORK_MOMENTS_MIN);
    },
  );
});
