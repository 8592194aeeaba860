import type { Mutant } from './mutant.ts';

/** Defects in what outlives a daemon, what is due, and what interrupts what. */

const RECOVERY = 'src/actors/recovery.ts';
const HEAP = 'src/actors/timer-heap.ts';
const ACTIONS = 'machines/regions/standby-actions.ts';
const STOPPING = 'machines/regions/lifecycle/stopping.ts';
const STATUS = 'src/projections/auto-standby-status.ts';

const SCENARIOS = { file: 'test/cli/scenarios.int.test.ts', title: '%s goes as its expectations say' };
const heap = (title: string) => ({ file: 'test/actors/timer-heap.unit.test.ts', title });
const standby = (title: string) => ({ file: 'test/machines/standby.unit.test.ts', title });
const guarantees = (title: string) => ({ file: 'test/machines/standby-guarantees.unit.test.ts', title });

export const MUTANTS_OF_LIFECYCLE: readonly Mutant[] = [
  {
    name: 'the idle time ends with the daemon',
    file: RECOVERY,
    find: 'return head.timers.map((timer) => ({ instance: id, ...timer }));',
    put: "return head.timers.filter(({ name }) => name !== 'timer.idle').map((timer) => ({ instance: id, ...timer }));",
    killedBy: SCENARIOS,
  },
  {
    name: 'of two timers that are due at once one is dropped',
    file: HEAP,
    find: '      if (this.#options.isPending(first.timer)) this.#options.fire(first.timer);\n',
    put: '      if (this.#options.isPending(first.timer)) this.#options.fire(first.timer);\n      const next = this.#heap.first();\n      if (next !== undefined) this.#heap.remove(next);\n',
    killedBy: heap('fires timers in the order of their deadlines, whatever the order in which they were armed'),
  },
  {
    name: 'a hold ends with a moment in which its guest is lost',
    file: ACTIONS,
    find: 'export const pauseTracking = chart.assign(({ context }) => ({ standby: { ...context.standby, idle_since: null } }));',
    put: 'export const pauseTracking = chart.assign(({ context }) => ({ standby: { ...context.standby, idle_since: null, hold_until: null } }));',
    killedBy: standby('a hold moves the instant, and outlasts a moment in which the guest is lost'),
  },
  {
    name: 'a guest that is not watched yet is shown as ready to sleep',
    file: STATUS,
    find: "if (standby === 'countdown' && idleDue(context, now) <= now) {",
    put: "if (standby !== 'countdown' || idleDue(context, now) <= now) {",
    killedBy: { file: 'test/projections/auto-standby-status.unit.test.ts', title: '%s' },
  },
  {
    name: 'a stop that waits cannot be hastened',
    file: STOPPING,
    find: "  { guard: forced, target: '#killing', actions: [...intend('stopped'), redirectStop('operator', 'rest')] },\n",
    put: '',
    killedBy: guarantees('that waits for its guest is hastened by a forced one'),
  },
  {
    name: 'half a line of a guest is taken for its exit code',
    file: 'src/adapters/qemu/run-end.ts',
    find: 'return code !== null && code <= EXIT_CODE_MAX ? code : null;',
    put: 'return code ?? (Number(text) || null);',
    killedBy: {
      file: 'test/adapters/qemu/run-end.unit.test.ts',
      title: 'carries the exit code of the workload only when it is a whole line with a number from 0 to 255',
    },
  },
  {
    name: 'what a guest has left keeps the one awake that it is replaced by',
    file: 'src/actors/effect-operations.ts',
    find: ' || task.replacesAnother === true',
    put: '',
    killedBy: {
      file: 'test/actors/traffic-operations.unit.test.ts',
      title: 'are removed before a snapshot is brought back where another guest was booted since; its own are left',
    },
  },
  {
    name: 'a guest that wakes after a refused restore loses its connections',
    file: 'machines/former-guest.ts',
    find: 'snapshot.taken_at < put_away.booted_at',
    put: 'snapshot.run < put_away.number',
    killedBy: {
      file: 'test/actors/traffic-operations.unit.test.ts',
      title: 'are left when a guest wakes after a restore that was refused: it is still the one that spoke',
    },
  },
];
