/**
 * Checks that take minutes and so are not part of `npm test`. `npm run long` runs them in this order, each on the
 * pinned Node from the project's directory; each fails by its exit code or by its time limit, which is about three times what
 * it takes on two quiet cores.
 *
 * @typedef {{ name: string, script: string, args: readonly string[], minutesMax: number, why: string }} LongCheck
 * @type {readonly LongCheck[]}
 */
export const longChecks = [
  {
    name: 'bench-quick',
    script: 'bench/main.ts',
    args: ['--quick'],
    minutesMax: 6,
    why: 'every measure can still be taken and none is grossly off its aim',
  },
  {
    name: 'crash-qemu',
    script: 'test/crash/crash.ts',
    args: ['qemu'],
    minutesMax: 6,
    why: 'the daemon killed at every fault point with real VMs, and over a sick one that is restarted or stopped',
  },
  {
    name: 'crash-random',
    script: 'test/crash/crash.ts',
    args: ['random'],
    minutesMax: 9,
    why: 'the daemon killed at random moments under hundreds of commands a second',
  },
  {
    name: 'crash-points',
    script: 'test/crash/crash.ts',
    args: ['points'],
    minutesMax: 11,
    why: 'the daemon killed at every fault point, with everything that can be at hand there',
  },
  {
    name: 'crash-standby',
    script: 'test/crash/crash.ts',
    args: ['standby'],
    minutesMax: 4,
    why: 'the daemon killed at every fault point of falling asleep and of waking, with everything that can be at hand there',
  },
  {
    name: 'standby-bars',
    script: 'test/standby/bars.ts',
    args: [],
    minutesMax: 3,
    why: 'a client that connects to a real guest at each bar of its way into standby is served, or told the truth',
  },
  {
    name: 'called-off',
    script: 'test/standby/called-off.ts',
    args: [],
    minutesMax: 3,
    why: 'saving and waking a real guest, withdrawn at every few milliseconds: it runs on, or sleeps on, and is never lost',
  },
  {
    name: 'standby-deaths',
    script: 'test/standby/deaths.ts',
    args: [],
    minutesMax: 5,
    why: 'the daemon killed at every fault point of falling asleep and of waking, with a real VM that is never lost',
  },
  {
    name: 'bridged-host',
    script: 'test/bridge/reboot.ts',
    args: [],
    minutesMax: 5,
    why: 'eight bridged VMs through the death of the daemon and a reboot of the host',
  },
  {
    name: 'every-moment',
    script: 'test/health/every-moment.ts',
    args: [],
    minutesMax: 11,
    why: 'a guest that is sick, or has crashed, stopped at every moment of its restart, with real VMs',
  },
  {
    name: 'standby-cycles',
    script: 'test/standby/cycles.ts',
    args: [],
    minutesMax: 4,
    why: 'a real guest slept and woke twenty times, also over deaths of the daemon, and its client is still connected',
  },
  {
    name: 'outbox-kills',
    script: 'test/gateway/outbox-kills.ts',
    args: [],
    minutesMax: 2,
    why: 'every record once and in order in its stream, however often nats-server and daemon die',
  },
  {
    name: 'overruns',
    script: 'test/standby/overruns.ts',
    args: [],
    minutesMax: 6,
    why: 'the kernel loses events twenty times while a client is connected, and its guest never sleeps',
  },
  {
    name: 'models',
    script: 'test/models/main.ts',
    args: [],
    minutesMax: 8,
    why: 'restarts, verdicts and standby are those of a short model, over thousands of random rows of moves',
  },
  {
    name: 'mutants',
    script: 'test/mutants/main.ts',
    args: [],
    minutesMax: 8,
    why: 'every planted defect is noticed by the test that is named for it',
  },
  {
    name: 'fresh-clone',
    script: 'test/fresh/fresh-clone.ts',
    args: [],
    minutesMax: 5,
    why: 'a clone without any packages comes to a running VM with `npm start` alone',
  },
];
