import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { ALWAYS, definition, ON_FAILURE, SLEEPY, START } from './definitions.ts';
import { done } from './driver.ts';
import type { World } from './exploration.ts';

/**
 * Worlds that begin where the others hardly get to: on the way to standby, asleep, on the way back, and while a named
 * snapshot is made or brought back. From there everything is tried.
 */

const BOUND = 450;

const by = 'ann';
const CRON = { cron: '0 * * * *', time_zone: 'UTC' };
const SCHEDULES = { standby: CRON, wake: CRON, snapshot: { ...CRON, keep: 1 } };
const LIMITED = { ...SLEEPY, max_asleep: { after_ms: 3_600_000, then: 'stop' } } as const;
const HOOKS = { before_stop: 'leave', before_standby: 'quiesce' };
const CHANGES = [{ auto_standby: { enabled: false } }, { auto_standby: SLEEPY }];

type Prelude = readonly Unstamped<ExternalEvent>[];

const killed = { reason: 'killed', code: null, message: null, ended_at: null } as const;
const create = { type: 'create_snapshot', by, name: 'kept' } as const;
const confirmed = { type: 'traffic.confirmed_idle', run: 1 } as const;
const due = (schedule: 'standby' | 'wake' | 'snapshot') => ({ type: 'schedule.due', schedule, minute: START }) as const;

const UP: Prelude = [done('instance.prepare', 0), done('vmm.boot', 1), { type: 'guest.ready', run: 1 }];
const KEPT: Prelude = [...UP, create, done('vmm.pause', 1), done('vmm.snapshot', 1), done('vmm.resume', 1)];
const PAUSED: Prelude = [
  ...KEPT,
  due('standby'),
  { type: 'host.granted', run: 1, purpose: 'standby' },
  confirmed,
  done('vmm.pause', 1),
];
const SEALING: Prelude = [...PAUSED, confirmed, done('vmm.snapshot', 1)];
const ASLEEP: Prelude = [...SEALING, confirmed, { ...done('vmm.kill', 1), ended: killed } as never];
const ASLEEP_UNNAMED: Prelude = [
  ...UP,
  { type: 'standby', by },
  done('vmm.pause', 1),
  done('vmm.snapshot', 1),
  { ...done('vmm.kill', 1), ended: killed } as never,
];

const scheduled = definition({ auto_standby: LIMITED, schedules: SCHEDULES });
const everything = {
  wanted: 'running',
  changes: CHANGES,
  throws: true,
  modes: true,
  snapshots: true,
  bound: BOUND,
} as const;

export const SLEEPERS: readonly World[] = [
  {
    ...everything,
    name: 'up, with a named snapshot, under schedules of everything',
    definition: scheduled,
    prelude: KEPT,
  },
  { ...everything, name: 'paused, on the way to standby', definition: scheduled, prelude: PAUSED },
  { ...everything, name: 'saved, and not put away yet', definition: scheduled, prelude: SEALING },
  { ...everything, name: 'asleep', definition: scheduled, prelude: ASLEEP },
  {
    ...everything,
    name: 'asleep, and a copy is made',
    definition: definition({
      auto_standby: { ...SLEEPY, max_asleep: { after_ms: 60_000, then: 'delete' } },
      schedules: SCHEDULES,
    }),
    prelude: [...ASLEEP, due('snapshot')],
  },
  {
    ...everything,
    name: 'to be woken by schedule, when the host has room',
    definition: scheduled,
    prelude: [
      ...ASLEEP,
      due('wake'),
      { type: 'host.held', run: 1, purpose: 'wake', reason: 'memory', retry_at: START + 60_000 },
    ],
  },
  {
    name: 'to be woken by schedule, which may be taken away',
    definition: definition({ schedules: { wake: CRON, standby: CRON }, auto_standby: SLEEPY }),
    wanted: 'running',
    changes: [{ schedules: null }],
    bound: BOUND,
    prelude: [...ASLEEP_UNNAMED, due('wake')],
  },
  {
    name: 'to be put to sleep by schedule, which may be taken away',
    definition: definition({ schedules: { standby: CRON }, auto_standby: SLEEPY }),
    wanted: 'running',
    changes: [{ schedules: null }],
    throws: true,
    snapshots: true,
    bound: BOUND,
    prelude: [...UP, due('standby')],
  },
  {
    ...everything,
    name: 'restored, and has to answer',
    definition: definition({ auto_standby: LIMITED, schedules: SCHEDULES, restart_policy: ON_FAILURE }),
    prelude: [...ASLEEP, { type: 'restore', by }, done('vmm.restore', 2)],
  },
  {
    ...everything,
    name: 'a named snapshot is made of a running guest',
    definition: scheduled,
    prelude: [...KEPT, due('snapshot')],
  },
  {
    ...everything,
    name: 'a named snapshot is brought back',
    definition: definition({ schedules: SCHEDULES, restart_policy: ALWAYS }),
    prelude: [
      ...KEPT,
      { type: 'vmm.exited', run: 1, ...killed },
      { type: 'restore_snapshot', by, name: 'kept', then: 'running' },
    ],
  },
  {
    ...everything,
    name: 'coming up, with a named snapshot',
    definition: scheduled,
    prelude: [...KEPT, { type: 'vmm.exited', run: 1, ...killed }, { type: 'start', by }, done('vmm.boot', 2)],
  },
  {
    ...everything,
    name: 'programs of the host, and a named snapshot',
    definition: definition({ hooks: HOOKS, auto_standby: SLEEPY, schedules: SCHEDULES }),
    prelude: KEPT,
  },
  {
    ...everything,
    name: 'a program of the host runs, on the way to standby',
    definition: definition({ hooks: HOOKS, auto_standby: SLEEPY, schedules: SCHEDULES }),
    prelude: [...KEPT, due('standby'), { type: 'host.granted', run: 1, purpose: 'standby' }, confirmed],
  },
  {
    ...everything,
    name: 'a fork',
    definition: definition({ restart_policy: ON_FAILURE, schedules: SCHEDULES }),
    from: { instance: 'another', snapshot: 'kept' },
    prelude: [done('instance.prepare', 0)],
  },
];
