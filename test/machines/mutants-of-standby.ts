import type { Mutant } from './mutants.ts';

/** Changes that break what is said about the way into standby, about sleepers, and about what wakes them. */

const FALLING_ASLEEP = 'regions/lifecycle/falling-asleep.ts';
const ASLEEP = 'regions/lifecycle/asleep.ts';
const UP = 'up, with a named snapshot, under schedules of everything';

export const MUTANTS_OF_STANDBY: readonly Mutant[] = [
  {
    law: 5,
    breaks: 'the VMM is ended without a last look at the table',
    world: 'paused, on the way to standby',
    file: FALLING_ASLEEP,
    find: "unattended), target: '#sealing' }",
    put: "unattended), target: '#killing', actions: pointOfNoReturn }",
  },
  {
    law: 5,
    breaks: 'an answer to the reading before the snapshot ends the VMM',
    world: 'saved, and not put away yet',
    file: FALLING_ASLEEP,
    find: "  entry: ask('traffic.confirm'),\n  after: { seal_deadline: abandon('deadline') },",
    put: "  entry: ask('traffic.confirm'),\n  after: { seal_deadline: { target: '#killing', actions: pointOfNoReturn } },",
  },
  {
    law: 5,
    breaks: 'a schedule puts away what is held awake',
    world: UP,
    file: 'regions/standby.ts',
    find: "  { guard: held, actions: skipScheduled('hold') },\n",
    put: '',
  },
  {
    law: 1,
    breaks: 'a schedule wakes whoever was stopped',
    world: 'a named snapshot is brought back',
    file: ASLEEP,
    find: "all(dueNow('wake'), wantsRunning, automatic)",
    put: "all(dueNow('wake'), automatic)",
  },
  {
    law: 9,
    breaks: 'a schedule wakes in maintenance',
    world: 'asleep',
    file: ASLEEP,
    find: "all(dueNow('wake'), wantsRunning, automatic)",
    put: "all(dueNow('wake'), wantsRunning)",
  },
  {
    law: 9,
    breaks: 'what has slept for too long is stopped in maintenance',
    world: 'asleep',
    file: 'regions/asleep-limit.ts',
    find: '        guard: automatic,\n',
    put: '',
  },
  {
    law: 0,
    breaks: 'a turn is kept by whoever no longer waits for it',
    world: 'standby',
    file: 'regions/standby.ts',
    find: '      exit: closeSlot,\n',
    put: '',
  },
  {
    law: 0,
    breaks: 'a named snapshot that was given up is made for ever',
    world: 'a named snapshot is made of a running guest',
    file: 'regions/lifecycle/snapshots.ts',
    find: '  exit: endCapture,\n',
    put: '',
  },
  {
    law: 8,
    breaks: 'a last look at the table may take for ever',
    world: 'saved, and not put away yet',
    file: FALLING_ASLEEP,
    find: "  after: { seal_deadline: abandon('deadline') },\n",
    put: '',
  },
  {
    law: 1,
    breaks: 'a stop no longer keeps away the restore that was to follow',
    world: 'saved, and not put away yet',
    file: 'regions/lifecycle/stopping.ts',
    find: "      { actions: [...intend('stopped'), redirectStop('operator', 'rest')] },\n    ],\n    start",
    put: "      { actions: intend('stopped') },\n    ],\n    start",
  },
  {
    law: 11,
    breaks: 'a start while a late restore is undone boots without the memory',
    world: 'asleep',
    file: 'regions/lifecycle/stopping.ts',
    find: "    start: { guard: mayWakeAgain, actions: [...intend('running'), wakeAgainAfterwards] },\n",
    put: '',
  },
  {
    law: 11,
    breaks: 'a restore that never was costs the memory',
    world: 'asleep',
    file: 'regions/lifecycle/ends.ts',
    find: "    { guard: all(ended, unplanned, neverTakenUp), target: '#standby', actions: backToSleep },\n",
    put: '',
  },
  {
    law: 11,
    breaks: 'a guest whose VMM ends once it is saved is given up',
    world: 'saved, and not put away yet',
    file: FALLING_ASLEEP,
    find: "    'vmm.exited': putAway(ofThisRun),\n",
    put: '',
  },
  {
    law: 11,
    breaks: 'falling asleep is told again when a restore fails',
    world: 'asleep',
    file: ASLEEP,
    find: '  if (context.standby.asleep_since === null) {',
    put: '  if (context.standby.asleep_since !== undefined) {',
  },
];
