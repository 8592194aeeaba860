import { ALWAYS, CHECK, definition, EXPIRES_AT, ON_FAILURE, SLEEPY } from './definitions.ts';
import type { World } from './exploration.ts';
import { SLEEPERS } from './worlds-of-sleepers.ts';

/** Enough for a world that closes; those that do not are walked breadth first up to their own bound. */
export const STATES_MAX = 20_000;
const BOUND = 2_500;

/** Worlds in which the host changes its mode as well close late, and add little past this. */
const MODES_BOUND = 1_200;

const ONE_ATTEMPT = { ...ON_FAILURE, max_attempts: 1 };
const QUICK_CHECK = { ...CHECK, failure_threshold: 1 };

/** The definitions the chart is explored under. Each leaves out what another one covers, so that most of them close. */
export const WORLDS: readonly World[] = [
  { name: 'no policy', definition: definition(), wanted: 'running', changes: [] },
  { name: 'rules that throw', definition: definition(), wanted: 'running', changes: [], throws: true, modes: true },
  {
    name: 'one attempt on a host that changes its mode',
    definition: definition({ restart_policy: ONE_ATTEMPT }),
    wanted: 'running',
    changes: [],
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'an unhealthy guest on a host that changes its mode',
    definition: definition({ restart_policy: ONE_ATTEMPT, health_check: QUICK_CHECK }),
    wanted: 'running',
    changes: [],
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'expiry that stops on a host that changes its mode',
    definition: definition({ expiry: { expires_at: EXPIRES_AT, then: 'stop' } }),
    wanted: 'running',
    changes: [],
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'standby on a host that changes its mode',
    definition: definition({ auto_standby: SLEEPY }),
    wanted: 'running',
    changes: [],
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'programs of the host before stop and standby',
    definition: definition({ hooks: { before_stop: 'leave', before_standby: 'quiesce' } }),
    wanted: 'running',
    changes: [{ hooks: null }],
    throws: true,
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'on_failure, two attempts, policy changes',
    definition: definition({ restart_policy: ON_FAILURE }),
    wanted: 'running',
    changes: [{ restart_policy: null }, { restart_policy: ON_FAILURE }],
    bound: BOUND,
  },
  { name: 'always, no limit', definition: definition({ restart_policy: ALWAYS }), wanted: 'stopped', changes: [] },
  {
    name: 'expiry that stops, under always',
    definition: definition({ restart_policy: ALWAYS, expiry: { expires_at: EXPIRES_AT, then: 'stop' } }),
    wanted: 'running',
    changes: [],
    bound: BOUND,
  },
  {
    name: 'expiry that deletes, under one attempt',
    definition: definition({ restart_policy: ONE_ATTEMPT, expiry: { expires_at: EXPIRES_AT, then: 'delete' } }),
    wanted: 'running',
    changes: [{ expiry: null }],
    bound: BOUND,
  },
  {
    name: 'health check under one attempt',
    definition: definition({ restart_policy: ONE_ATTEMPT, health_check: QUICK_CHECK }),
    wanted: 'running',
    changes: [],
    bound: BOUND,
  },
  {
    name: 'health check and policy that change',
    definition: definition({ restart_policy: ON_FAILURE, health_check: CHECK }),
    wanted: 'running',
    changes: [
      { health_check: null },
      { restart_policy: ON_FAILURE, health_check: CHECK },
      { restart_policy: ON_FAILURE },
    ],
    bound: BOUND,
  },
  {
    name: 'health check with a stability period',
    definition: definition({
      restart_policy: { ...ON_FAILURE, stability_period_ms: 90_000 },
      health_check: { ...QUICK_CHECK, start_period_ms: 0 },
    }),
    wanted: 'running',
    changes: [{ restart_policy: ONE_ATTEMPT }],
    modes: true,
    bound: MODES_BOUND,
  },
  {
    name: 'rules about exit codes, growing delays',
    definition: definition({
      restart_policy: { ...ON_FAILURE, backoff_max_ms: 60_000, jitter: 0.5, exit_codes: { restart: [0], never: [1] } },
    }),
    wanted: 'running',
    changes: [],
    modes: true,
    bound: MODES_BOUND,
  },
  { name: 'standby', definition: definition({ auto_standby: SLEEPY }), wanted: 'running', changes: [], bound: BOUND },
  {
    name: 'standby policy that changes',
    definition: definition({ auto_standby: SLEEPY }),
    wanted: 'running',
    changes: [{ auto_standby: { enabled: false } }, { auto_standby: SLEEPY }],
    throws: true,
    bound: BOUND,
  },
  ...SLEEPERS,
];
