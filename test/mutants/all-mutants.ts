import type { Mutant } from './mutant.ts';
import { MUTANTS_OF_AGENTS } from './mutants-of-agents.ts';
import { MUTANTS_OF_COLLECTOR } from './mutants-of-collector.ts';
import { MUTANTS_OF_CONNTRACK } from './mutants-of-conntrack.ts';
import { MUTANTS_OF_FAILING_DISKS } from './mutants-of-failing-disks.ts';
import { MUTANTS_OF_HEALTH } from './mutants-of-health.ts';
import { MUTANTS_OF_LIFECYCLE } from './mutants-of-lifecycle.ts';
import { MUTANTS_OF_PROBING } from './mutants-of-probing.ts';
import { MUTANTS_OF_RESTART } from './mutants-of-restart.ts';
import { MUTANTS_OF_RUNTIME } from './mutants-of-runtime.ts';
import { MUTANTS_OF_SCHEDULES } from './mutants-of-schedules.ts';
import { MUTANTS_OF_SNAPSHOTS } from './mutants-of-snapshots.ts';
import { MUTANTS_OF_STANDBY } from './mutants-of-standby.ts';

export const MUTANTS: readonly Mutant[] = [
  ...MUTANTS_OF_RESTART,
  ...MUTANTS_OF_HEALTH,
  ...MUTANTS_OF_RUNTIME,
  ...MUTANTS_OF_PROBING,
  ...MUTANTS_OF_AGENTS,
  ...MUTANTS_OF_COLLECTOR,
  ...MUTANTS_OF_CONNTRACK,
  ...MUTANTS_OF_STANDBY,
  ...MUTANTS_OF_SNAPSHOTS,
  ...MUTANTS_OF_FAILING_DISKS,
  ...MUTANTS_OF_LIFECYCLE,
  ...MUTANTS_OF_SCHEDULES,
];
