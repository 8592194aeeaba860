import { ALWAYS, CHECK, definition, EXPIRES_AT, ON_FAILURE, SLEEPY } from './definitions.ts';
import type { World } from './exploration.ts';

/** The definitions the chart is explored under. Each leaves out what another one covers, so that all of them close. */
export const WORLDS: readonly World[] = [
  { name: 'no policy', definition: definition(), wanted: 'running', changes: [] },
  { name: 'rules that throw', definition: definition(), wanted: 'running', changes: [], throws: true },
  {
    name: 'on_failure, two attempts, policy changes',
    definition: definition({ restart_policy: ON_FAILURE }),
    wanted: 'running',
    changes: [{ restart_policy: null }, { restart_policy: ON_FAILURE }],
  },
  { name: 'always, no limit', definition: definition({ restart_policy: ALWAYS }), wanted: 'stopped', changes: [] },
  {
    name: 'health check under on_failure',
    definition: definition({ restart_policy: ON_FAILURE, health_check: CHECK }),
    wanted: 'running',
    changes: [{ health_check: null }, { health_check: CHECK }],
  },
  {
    name: 'standby',
    definition: definition({ auto_standby: SLEEPY }),
    wanted: 'running',
    changes: [{ auto_standby: { enabled: false } }, { auto_standby: SLEEPY }],
  },
  {
    name: 'expiry that stops, under always',
    definition: definition({ restart_policy: ALWAYS, expiry: { expires_at: EXPIRES_AT, then: 'stop' } }),
    wanted: 'running',
    changes: [],
  },
  {
    name: 'expiry that deletes, under on_failure',
    definition: definition({ restart_policy: ON_FAILURE, expiry: { expires_at: EXPIRES_AT, then: 'delete' } }),
    wanted: 'running',
    changes: [{ expiry: null }],
  },
];
