import type { Mutant } from './mutant.ts';

/** Defects of schedules, of the account of wakefulness, and of the room that snapshots take. */

const WAKEFULNESS = 'machines/wakefulness.ts';
const account = (title: string) => ({ file: 'test/projections/wakefulness.unit.test.ts', title });

const turns = (title: string) => ({ file: 'test/actors/snapshot-turns.unit.test.ts', title });

export const MUTANTS_OF_SCHEDULES: readonly Mutant[] = [
  {
    name: 'what a daemon that was down for long has missed is made up for',
    file: 'src/actors/schedules/schedule-minutes.ts',
    find: 'const from = Math.max(member.last + 1, minute - MINUTE_MADE_UP_WITHIN_MS);',
    put: 'const from = Math.max(member.last + 1, minute - 24 * 60 * MINUTE_MS);',
    killedBy: {
      file: 'test/actors/schedules/schedule-minutes.unit.test.ts',
      title:
        'what came while the daemon was down is told at the start: the latest of each, and only of the last 10 minutes',
    },
  },
  {
    name: 'a minute that was heard is heard again',
    file: 'machines/schedule-actions.ts',
    find: 'return given && event.minute > (context.schedules[event.schedule] ?? -1);',
    put: 'return given;',
    killedBy: {
      file: 'test/machines/schedules.unit.test.ts',
      title: 'a minute is heard once, and none that is older than one that was',
    },
  },
  {
    name: 'a minute that asks for what is so already is told',
    file: 'src/actors/schedules/schedule-minutes.ts',
    find: '      if (kept.fulfilled.includes(member.schedule)) continue;\n',
    put: '',
    killedBy: {
      file: 'test/actors/schedules/scheduled-instances.unit.test.ts',
      title: 'minutes that ask for what is so already leave no record, of a guest that runs and of one that sleeps',
    },
  },
  {
    name: 'who was woken since a minute that was missed is put to sleep for it',
    file: 'machines/schedules.ts',
    find: 'standby: later(heard.standby, standby.awake_since),',
    put: 'standby: heard.standby,',
    killedBy: {
      file: 'test/actors/schedules/scheduled-instances.unit.test.ts',
      title:
        'who was woken since a minute of standby is not put to sleep for it by the next daemon, nor woken who was put to sleep',
    },
  },
  {
    name: 'a fork that is left asleep lists a wake that never comes',
    file: 'machines/schedules.ts',
    find: "    if (name === 'wake') return wanted === 'stopped' ? 'not wanted' : null;\n",
    put: "    if (name === 'wake') return null;\n",
    killedBy: {
      file: 'test/gateway/fork.unit.test.ts',
      title: 'left asleep is not wanted running: it lists no next wake, and says why, until it is woken',
    },
  },
  {
    name: 'a schedule drops the snapshots that somebody made',
    file: 'machines/snapshot-actions.ts',
    find: '  const scheduled = snapshots.filter(isScheduled);\n',
    put: '  const scheduled = snapshots;\n',
    killedBy: {
      file: 'test/actors/schedules/scheduled-instances.unit.test.ts',
      title: 'of the snapshots that a schedule takes the newest stay; one that somebody made is never dropped',
    },
  },
  {
    name: 'the account counts an idle edge from when it was told',
    file: 'src/projections/wakefulness.ts',
    find: 'return state.context.standby.idle_since ?? at;',
    put: 'return at;',
    killedBy: account('gives an idle edge that was told late its true instant'),
  },
  {
    name: 'the account lets a hold begin with the idle time',
    file: WAKEFULNESS,
    find: "    { is: 'hold', from: idleFor },\n",
    put: "    { is: 'hold', from: at },\n",
    killedBy: account('counts a hold from where the idle timeout has passed'),
  },
  {
    name: 'a hold that has ended as well was none',
    file: WAKEFULNESS,
    find: 'if (hold_until === null || hold_until <= idleFor) return',
    put: 'if (hold_until === null || hold_until <= Math.max(idleFor, at)) return',
    killedBy: account(
      'names what ended last while a guest whose time has come is not asleep yet, as whoever asks then is told',
    ),
  },
  {
    name: 'a named snapshot takes no room',
    file: 'src/actors/host-life.ts',
    find: 'if (diskOf(result.next) > diskOf(before)) wanted.push',
    put: 'if (diskOf(result.next) < 0) wanted.push',
    killedBy: {
      file: 'test/gateway/snapshots.unit.test.ts',
      title: 'a snapshot takes its room until it is deleted, and the next one is refused meanwhile',
    },
  },
  {
    name: 'who is held for a turn is overtaken by whoever asks first',
    file: 'src/actors/standby-slots.ts',
    find: '[this.#asking, this.#held, this.#turns]',
    put: '[this.#asking, this.#turns]',
    killedBy: {
      file: 'test/actors/standby-slots.unit.test.ts',
      title: 'a place that is free belongs to whoever has waited longest, also before anybody is let go',
    },
  },
  {
    name: 'all snapshots that are due in one minute are taken at once',
    file: 'src/actors/standby-slots.ts',
    find: 'if (this.#open && (this.#has(id) || this.#isFree(turn))) this.#save(turn);',
    put: 'if (this.#open) this.#save(turn);',
    killedBy: turns('are taken so many at once, in one order, and each under the name of its minute'),
  },
  {
    name: 'a snapshot is taken however long it has waited for its turn',
    file: 'machines/schedule-actions.ts',
    find: 'event.at - event.minute < SNAPSHOT_LATE_MS',
    put: 'event.at >= event.minute',
    killedBy: turns('are skipped, with the cause, when their turn has not come for too long'),
  },
  {
    name: 'a scheduled snapshot is taken without room on disk',
    file: 'src/actors/decide.ts',
    find: "if (event.type !== 'schedule.due' || event.left_out !== undefined) return",
    put: 'return',
    killedBy: turns(
      'need room on disk as those that people ask for: where there is none nothing is written, and that is said',
    ),
  },
  {
    name: 'a minute that was missed is left out without a word',
    file: 'src/actors/schedules/schedule-minutes.ts',
    find: 'return missed === null ? [] : [{ member, minute: missed, isMissed: true }];',
    put: 'return missed === null ? [] : [];',
    killedBy: turns('are told to be missed when a restart of the daemon finds them too old to be made up for'),
  },
  {
    name: 'a minute whose place another takes keeps its turn for good',
    file: 'src/actors/mailbox.ts',
    find: '    older.settled?.();\n',
    put: '',
    killedBy: turns('keep no places when their minutes pile up while the log takes nothing'),
  },
  {
    name: 'a fork without memory waits for a copy',
    file: 'machines/guards.ts',
    find: 'origin !== null && origin.snapshot !== null;',
    put: 'origin !== null;',
    killedBy: {
      file: 'test/machines/forks.unit.test.ts',
      title: 'without any memory is made as any other, wanted %s',
    },
  },
];
