import type { Mutant } from './mutant.ts';

/** Defects on the way into standby and back: in the chart, in what is told to it, in whose turn it is. */

const REGION = 'machines/regions/standby.ts';
const ACTIONS = 'machines/regions/standby-actions.ts';
const SETUP = 'machines/setup.ts';
const FALLING = 'machines/regions/lifecycle/falling-asleep.ts';
const RESTORING = 'machines/regions/lifecycle/restoring.ts';
const TRACKING = 'src/actors/tracking/traffic-tracking.ts';
const CONFIRMING = 'src/actors/tracking/traffic-operations.ts';
const SLOTS = 'src/actors/standby-slots.ts';

const whyAwake = (title: string) => ({ file: 'test/gateway/why-awake.unit.test.ts', title });
const chart = (title: string) => ({ file: 'test/machines/standby-guarantees.unit.test.ts', title });
const tracking = (title: string) => ({ file: 'test/actors/tracking.unit.test.ts', title });
const sinceWhenIdle = (title: string) => ({ file: 'test/actors/since-when-idle.unit.test.ts', title });
const slots = (title: string) => ({ file: 'test/actors/standby-slots.unit.test.ts', title });

const SCENARIOS = { file: 'test/cli/scenarios.int.test.ts', title: '%s goes as its expectations say' };
const CALLED_OFF = chart('%s at %s calls it off: the guest runs on');
const WAKES = chart('%s at %s wakes the guest');

export const MUTANTS_OF_STANDBY: readonly Mutant[] = [
  {
    name: 'a guest whose idle time is over is put away without a look at the table',
    file: REGION,
    find: "'room.granted': { guard: forStandby, target: '#confirming' },",
    put: `'room.granted': {
          guard: forStandby,
          target: '#requested',
          actions: chart.raise(({ event }) => ({ type: 'standby.wanted' as const, at: event.at })),
        },`,
    killedBy: CALLED_OFF,
  },
  {
    name: 'a table that could not be read is taken for an empty one',
    file: CONFIRMING,
    find: "if (reading.observer === 'lost') return unconfirmed(reading.error);",
    put: "if (reading.observer === 'lost') return { type: 'traffic.confirmed_idle', run };",
    killedBy: SCENARIOS,
  },
  {
    name: 'a table that cannot be read at the end of the idle time ends nothing',
    file: REGION,
    find: "  { guard, target: '#countdown', actions: restartIdle },",
    put: "  { guard, target: '#countdown' },",
    killedBy: chart('begins anew when the table cannot be read at its end'),
  },
  {
    name: 'the table is not read while the guest is paused',
    file: FALLING,
    find: "        { guard: all(resultOf('vmm.pause'), unattended), target: '#frozen' },\n",
    put: '',
    killedBy: {
      file: 'test/machines/standby.unit.test.ts',
      title: 'the table is read after the idle timeout, while the guest is paused, and before its VMM is ended',
    },
  },
  {
    name: 'the table is not read before the VMM is ended',
    file: FALLING,
    find: "      { guard: all(resultOf('vmm.snapshot'), unattended), target: '#sealing' },\n",
    put: '',
    killedBy: WAKES,
  },
  {
    name: 'a guest that is being put away sleeps under its new client',
    file: REGION,
    find: `        'traffic.active': {
          guard: ofThisRun,
          target: '#standby_ineligible',
          actions: [noteActive, abandonFor('traffic')],
        },`,
    put: "        'traffic.active': { guard: ofThisRun, actions: noteActive },",
    killedBy: WAKES,
  },
  {
    name: 'a guest is put away by an observer that has lost events',
    file: REGION,
    find: "          actions: [noteObserver('lost'), abandonFor('observer lost')],",
    put: "          actions: noteObserver('lost'),",
    killedBy: WAKES,
  },
  {
    name: 'a countdown goes on while nothing is known of traffic',
    file: REGION,
    find: "  'observer.lost': { target: '#blind', actions: noteObserver('lost') },\n",
    put: "  'observer.lost': { actions: chart.assign(({ context }) => ({ standby: { ...context.standby } })) },\n",
    killedBy: {
      file: 'test/machines/standby.unit.test.ts',
      title: 'with a lost observer nothing is counted down, not even under a new policy',
    },
  },
  {
    name: 'a hold that comes while the table is read is lost',
    file: REGION,
    find: "  'hold.placed': forHold,\n",
    put: '',
    killedBy: chart('a hold while the table is read is heard when the answer comes, and counts'),
  },
  {
    name: 'a hold that comes while the guest is paused is lost',
    file: REGION,
    find: "        'hold.placed': { target: '#standby_ineligible', actions: [pauseTracking, abandonFor('hold')] },\n",
    put: '',
    killedBy: WAKES,
  },
  {
    name: 'a hold is accepted after the point of no return',
    file: 'machines/regions/lifecycle/stopping.ts',
    find: "    restart: { guard: mayBootNext, actions: [...intend('running'), redirectStop('restart', 'boot')] },\n",
    put: "    restart: { guard: mayBootNext, actions: [...intend('running'), redirectStop('restart', 'boot')] },\n    hold: { guard: fallingAsleep, actions: noteCommand },\n",
    killedBy: chart('and after it a hold is refused and a client wakes nobody: the guest sleeps'),
  },
  {
    name: 'a hold can only be made longer',
    file: FALLING,
    find: "hold_until: event.type === 'hold' ? event.until : context.standby.hold_until",
    put: "hold_until: event.type === 'hold' ? Math.max(event.until, context.standby.hold_until ?? 0) : context.standby.hold_until",
    killedBy: chart('is the last one, also when that is shorter'),
  },
  {
    name: 'a hold that is over ends the idle time early',
    file: SETUP,
    find: 'return Math.max((context.standby.idle_since ?? at) + timeoutMs, context.standby.hold_until ?? 0);',
    put: 'return context.standby.hold_until ?? (context.standby.idle_since ?? at) + timeoutMs;',
    killedBy: chart('that has come to its end does not shorten the idle time'),
  },
  {
    name: 'an answer to an earlier reading lets a paused guest be saved',
    file: FALLING,
    find: "    id: 'freezing',\n    on: {\n",
    put: "    id: 'freezing',\n    on: {\n      'idle.confirmed': { target: '#snapshotting' },\n",
    killedBy: {
      file: 'test/machines/standby.unit.test.ts',
      title: 'a late answer to an earlier reading does not put a running guest away',
    },
  },
  {
    name: 'a second word of being idle begins a second standby',
    file: REGION,
    find: "      tags: ['tracked'],\n      on: {\n        ...leaving,\n        'run.leaving': {},\n",
    put: "      tags: ['tracked'],\n      on: {\n        ...leaving,\n        'run.leaving': {},\n        'traffic.idle': { target: '#countdown', actions: restartIdle },\n",
    killedBy: chart('whatever is said twice: a second word of being idle, a late answer, a second minute'),
  },
  {
    name: 'an update of anything begins the idle time anew',
    file: REGION,
    find: "  { guard: mayTrack, target: '#standby_active', actions: pauseTracking },\n];\n\nconst leaving",
    put: "  { guard: enabled, target: '#standby_active', actions: pauseTracking },\n];\n\nconst leaving",
    killedBy: chart('is not touched by an update of anything else'),
  },
  {
    name: 'another idle timeout makes the guest be watched anew',
    file: 'src/actors/tracking/tracked-guest.ts',
    find: 'policy: { ignore_source_cidrs, ignore_destination_ports } };',
    put: 'policy: { ...policy, ignore_source_cidrs, ignore_destination_ports } };',
    killedBy: sinceWhenIdle('goes on under another idle timeout, for which nobody watches anew'),
  },
  {
    name: 'a guest was idle before it was awake',
    file: ACTIONS,
    find: 'idle_since: Math.min(event.at, Math.max(told, earliest))',
    put: 'idle_since: Math.min(event.at, told)',
    killedBy: chart('began no earlier than the guest was awake or spoken to, and not in the future'),
  },
  {
    name: 'a guest is idle since an instant that has yet to come',
    file: ACTIONS,
    find: 'idle_since: Math.min(event.at, Math.max(told, earliest))',
    put: 'idle_since: Math.max(told, earliest)',
    killedBy: chart('began no earlier than the guest was awake or spoken to, and not in the future'),
  },
  {
    name: 'a guest whose run ends keeps the hold of that run',
    file: ACTIONS,
    find: '    hold_until: null,\n',
    put: '',
    killedBy: chart('ends with its run'),
  },
  {
    name: 'a guest that has become ready is not watched before something else happens',
    file: REGION,
    find: "    active: {\n      id: 'standby_active',\n      tags: ['tracked'],\n",
    put: "    active: {\n      id: 'standby_active',\n",
    killedBy: chart('is watched from the moment in which the guest is ready'),
  },
  {
    name: 'a guest that cannot be resumed stays paused',
    file: RESTORING,
    find: "    'effect.failed': { guard: resultOf('vmm.resume'), ...goLost },\n    'effect.unknown': { guard: resultOf('vmm.resume'), ...goLost },\n    'vmm.found': [\n      { guard: all(ofThisRun, foundReady), target: '#running', actions: resumed },",
    put: "    'vmm.found': [\n      { guard: all(ofThisRun, foundReady), target: '#running', actions: resumed },",
    killedBy: chart('and cannot be resumed is lost, looked for, and let go as soon as it is found'),
  },
  {
    name: 'a guest whose snapshot has failed is not resumed',
    file: FALLING,
    find: "    'effect.failed': { guard: resultOf('vmm.snapshot'), ...abandon('failed') },\n",
    put: '',
    killedBy: chart('and cannot be resumed is lost, looked for, and let go as soon as it is found'),
  },
  {
    name: 'a short connection costs the guest the time until it is told of',
    file: TRACKING,
    find: 'Math.min(instant(since), idleBefore ?? now, now)',
    put: 'now',
    killedBy: tracking('waits when somebody began to talk just before, and then says since when nobody does'),
  },
  {
    name: 'each short connection is told of',
    file: TRACKING,
    find: 'if (leftMs <= 0) return false;',
    put: 'if (leftMs <= Number.POSITIVE_INFINITY) return false;',
    killedBy: tracking(
      'of a burst of connections is one pair in five seconds at most, and of a quiet guest it is none',
    ),
  },
  {
    name: 'another idle timeout after a start of the daemon counts from that start',
    file: TRACKING,
    find: 'Math.min(instant(since), idleBefore ?? now, now)',
    put: 'Math.min(instant(since), now)',
    killedBy: sinceWhenIdle(
      'goes on under another idle timeout from before the daemon was started, unless somebody came since',
    ),
  },
  {
    name: 'a connection that came and went between two readings is told to nobody',
    file: TRACKING,
    find: 'return nobody && reading.since > before.since ? reading.since : null;',
    put: 'return nobody && reading.since < before.since ? reading.since : null;',
    killedBy: sinceWhenIdle('begins anew with a connection that came and went between two readings'),
  },
  {
    name: 'one guest that cannot be watched ends the watching of all',
    file: TRACKING,
    find: "      this.#hear({ observer: 'lost', error: error instanceof Error ? error.message : String(error) });\n",
    put: '      throw error;\n',
    killedBy: tracking('that cannot watch one guest watches the others, and is asked again about the one'),
  },
  {
    name: 'what a former guest has left keeps its successor awake',
    file: CONFIRMING,
    find: 'activity.forget(addressesOf(network, wanted), before)',
    put: 'activity.forget([], before)',
    killedBy: SCENARIOS,
  },
  {
    name: 'what a former guest has left keeps a fork awake',
    file: 'src/actors/effect-operations.ts',
    find: 'effect.snapshot === FORKED_SNAPSHOT',
    put: "effect.snapshot === ''",
    killedBy: {
      file: 'test/actors/traffic-operations.unit.test.ts',
      title: 'are removed before a fork is woken for the first time: what it was copied from never spoke from there',
    },
  },
  {
    name: 'guests are put away as many at once as there are',
    file: SLOTS,
    find: 'return this.#options.atOnce - this.#used();',
    put: 'return this.#options.atOnce + this.#used();',
    killedBy: slots('are put away so many at once, in the order in which they became so, until all sleep'),
  },
  {
    name: 'a turn is kept by a guest that sleeps',
    file: SLOTS,
    find: 'return gaveUp || (had && !has);',
    put: 'return gaveUp;',
    killedBy: slots('are put away so many at once, in the order in which they became so, until all sleep'),
  },
  {
    name: 'who is being put away holds no turn',
    file: SLOTS,
    find: '    if (has) this.#taken.add(id);\n',
    put: '',
    killedBy: slots('that became due while there was no daemon are put away a few at a time, too'),
  },
  {
    name: 'a guest with a client is said to be held awake',
    file: 'src/gateway/use-cases/standby-status.ts',
    find: "  active: 'connection',\n",
    put: '',
    killedBy: whyAwake('the reason for being awake is one that the status leaves'),
  },
  {
    name: 'the page says of the present what the newest record says',
    file: 'src/gateway/inspector/model/sleep-words.ts',
    find: '(seen?.why_awake ?? is)',
    put: 'is',
    killedBy: whyAwake('the inspector says of the present what the status says'),
  },
];
