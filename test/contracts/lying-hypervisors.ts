import type { Hypervisor, Observation, Reality } from '../../src/actors/contracts/hypervisor.ts';
import { directWorld } from '../adapters/simulator/simulator-worlds.ts';
import { type HypervisorWorld, wanted } from './hypervisor.world.ts';
import { liesOfSavers, type Twist } from './lying-savers.ts';

/** One way of breaking the contract, and the check that has to notice. */
export interface Lie {
  readonly lie: string;
  readonly breaks: string;
  readonly make: () => Promise<HypervisorWorld>;
}

/** An honest world whose hypervisor objects lie as told. */
function twisted(twist: Twist): () => Promise<HypervisorWorld> {
  return async () => {
    const honest = await directWorld();
    const lying = (hypervisor: Hypervisor, isReopened: boolean): Hypervisor => ({
      ...hypervisor,
      ...twist(hypervisor, isReopened),
    });
    return {
      ...honest,
      hypervisor: lying(honest.hypervisor, false),
      reopen: async () => lying(await honest.reopen(), true),
    };
  };
}

/** Each observation is told as the given ones. */
function telling(change: (observation: Observation) => readonly Observation[]): Twist {
  return (honest) => ({
    observe: (listener) => honest.observe((observation) => change(observation).forEach(listener)),
  });
}

/** Each reality is shown as another one. */
function showing(change: (reality: Reality) => Reality): Twist {
  return (honest) => ({
    inspect: async (ref) => change(await honest.inspect(ref)),
    adopt: async (ref) => change(await honest.adopt(ref)),
  });
}

const DONE = { outcome: 'done', result: null } as const;
const isEnd = (one: Observation): one is Observation & { type: 'vmm.exited' } => one.type === 'vmm.exited';

const NEVER_BOOTED = 'a run that was never booted does not exist, and an unknown image starts nothing';
const WITHDRAWN = 'a boot that is withdrawn before the spawn starts nothing';
const ONCE = 'a run is booted at most once, also by a later daemon and after its end';
const ADOPTED = 'an adopted run goes on with its VMM, and its end is observed exactly once';
const REBOOT = 'a guest reboot stays in the run, and files are removed only after the end';
const LOGS = 'a log of a run is read on from any cursor, to the byte, also by a later daemon';
const LISTENERS = 'every listener hears every observation until it stops listening';
const WATCHED = 'exit, power-off, panic and a killed VMM are told apart while they are watched';
const AFTERWARDS = 'exit, power-off, panic and a killed VMM are told apart after nobody watched';
const GRACEFUL = 'a graceful shutdown ends the run with a power-off, and what is withdrawn harms nothing';
const KILL = 'a kill is certain when it is answered, and harmless when repeated';

const SLEEPS = 'a saved guest goes on in a later run, and its snapshot is consumed';
const KEPT = 'a snapshot that is kept is whole by itself, and so are its copies and forks';
const DAMAGED = 'a damaged snapshot is refused by its own name, and is left as it was';
const CLOCKS = 'the clock of a guest is set, and how far off it was is told';

const lies: readonly (readonly [lie: string, breaks: string, twist: Twist])[] = [
  [
    'shows a run that was never booted',
    NEVER_BOOTED,
    showing((one) => (one.reality === 'none' ? { reality: 'starting' } : one)),
  ],
  ['calls every image usable', NEVER_BOOTED, () => ({ checkImage: async () => null })],
  ['boots what was withdrawn', WITHDRAWN, (honest) => ({ boot: (spec) => honest.boot(spec, wanted()) })],
  [
    'calls a second boot of a run done',
    ONCE,
    (honest) => ({
      boot: async (spec, control) => {
        const outcome = await honest.boot(spec, control);
        return outcome.outcome === 'unknown'
          ? { outcome: 'done', result: { pid: null, accelerator: 'none' } }
          : outcome;
      },
    }),
  ],
  [
    'hides the run that lives beside the one asked for',
    ONCE,
    showing((one) => (one.reality === 'other_run' ? { reality: 'none' } : one)),
  ],
  ['tells readiness twice', ONCE, telling((one) => (one.type === 'guest.ready' ? [one, one] : [one]))],
  [
    'forgets its VMMs when it is opened again',
    ADOPTED,
    (_honest, isReopened) => (isReopened ? { inspect: async () => ({ reality: 'none' }) } : {}),
  ],
  ['adopts without watching', ADOPTED, (honest) => ({ adopt: (ref) => honest.inspect(ref) })],
  ['tells an end twice', ADOPTED, telling((one) => (isEnd(one) ? [one, one] : [one]))],
  ['never tells an end', WATCHED, telling((one) => (isEnd(one) ? [] : [one]))],
  [
    'takes a reboot for an end',
    REBOOT,
    telling((one) =>
      one.type === 'guest.rebooted'
        ? [{ ...one, type: 'vmm.exited', reason: 'reset', code: null, message: null, ended_at: null }, one]
        : [one],
    ),
  ],
  ['does not tell reboots', REBOOT, telling((one) => (one.type === 'guest.rebooted' ? [] : [one]))],
  ['removes the files of a VMM that lives', REBOOT, () => ({ remove: async () => DONE })],
  ['calls a guest paused that runs', REBOOT, () => ({ pause: async () => DONE })],
  [
    'shows more of a log than asked for',
    LOGS,
    (honest) => ({ readLog: (ref, source, from, most) => honest.readLog(ref, source, from, 2 * most) }),
  ],
  [
    'forgets where a log was left',
    LOGS,
    (honest) => ({
      readLog: async (ref, source, from, most) => {
        const piece = await honest.readLog(ref, source, from === null ? null : String(Number(from) + 1), most);
        return piece.text === '' ? { ...piece, next: from ?? piece.next } : piece;
      },
    }),
  ],
  [
    'mixes up its two logs',
    LOGS,
    (honest, isReopened) => ({
      readLog: (ref, source, from, most) => honest.readLog(ref, isReopened ? 'console' : source, from, most),
    }),
  ],
  [
    'goes on telling those who stopped listening',
    LISTENERS,
    (honest) => ({
      observe: (listener) => {
        honest.observe(listener);
        return () => undefined;
      },
    }),
  ],
  [
    'takes every end for a power-off',
    WATCHED,
    telling((one) => (isEnd(one) ? [{ ...one, reason: 'power_off' }] : [one])),
  ],
  ['loses the exit code', WATCHED, telling((one) => (isEnd(one) ? [{ ...one, code: null }] : [one]))],
  ['makes up an exit code', WATCHED, telling((one) => (isEnd(one) ? [{ ...one, code: one.code ?? 0 }] : [one]))],
  [
    'knows no end that it did not watch',
    AFTERWARDS,
    showing((one) => (one.reality === 'ended' ? { ...one, reason: 'unknown' } : one)),
  ],
  ['ends what was withdrawn', GRACEFUL, (honest) => ({ shutdown: (ref) => honest.shutdown(ref, wanted()) })],
  ['kills what was withdrawn', GRACEFUL, (honest) => ({ kill: (ref) => honest.kill(ref, wanted()) })],
  [
    'kills instead of asking the guest',
    GRACEFUL,
    (honest) => ({
      shutdown: (ref, control) => (control.stillWanted() ? honest.kill(ref, control) : honest.shutdown(ref, control)),
    }),
  ],
  ['calls a kill done that was not', KILL, () => ({ kill: async () => DONE })],
  ...liesOfSavers.map(([lie, breaks, twist]) => [lie, { SLEEPS, KEPT, DAMAGED, CLOCKS }[breaks], twist] as const),
];

/** Hypervisors that break one promise each. */
export const lyingHypervisors: readonly Lie[] = lies.map(([lie, breaks, twist]) => ({
  lie,
  breaks,
  make: twisted(twist),
}));
