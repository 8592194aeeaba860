import { MUTANTS_OF_AUTOMATION } from './mutants-of-automation.ts';
import { MUTANTS_OF_STANDBY } from './mutants-of-standby.ts';

/** One change each that breaks a law: what exploration is for. `find` has to stand in the file exactly once. */
export interface Mutant {
  readonly law: number;
  readonly breaks: string;
  readonly world: string;
  readonly file: string;
  readonly find: string;
  readonly put: string;
}

const STOPPING = 'regions/lifecycle/stopping.ts';
const FALLING_ASLEEP = 'regions/lifecycle/falling-asleep.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    law: 1,
    breaks: 'a stop during preparation no longer keeps the boot away',
    world: 'no policy',
    file: 'guards.ts',
    find: "context.intent.wanted === 'running' && !isExpired(context, event.at);",
    put: '!isExpired(context, event.at);',
  },
  {
    law: 1,
    breaks: 'a stop while a restart is stopping the guest is followed by a boot',
    world: 'no policy',
    file: STOPPING,
    find: "      { actions: [...intend('stopped'), redirectStop('operator', 'rest')] },",
    put: "      { actions: intend('stopped') },",
  },
  {
    law: 1,
    breaks: 'a boot under way is not withdrawn by a stop',
    world: 'no policy',
    file: STOPPING,
    find: '  entry: withdrawEarlier,\n',
    put: '',
  },
  {
    law: 1,
    breaks: 'a delete is taken back by a start',
    world: 'no policy',
    file: 'guards.ts',
    find: "export const beingDeleted: Guard = nextIs('delete');",
    put: 'export const beingDeleted: Guard = () => false;',
  },
  {
    law: 2,
    breaks: 'events of another run are believed',
    world: 'no policy',
    file: 'guards.ts',
    find: "'run' in event && event.run === context.run.number && !context.run.ended;",
    put: "'run' in event && !context.run.ended;",
  },
  {
    law: 2,
    breaks: 'a kill that failed is taken for an end',
    world: 'no policy',
    file: STOPPING,
    find: "{ guard: resultOf('vmm.kill'), ...goLost },\n    'effect.unknown'",
    put: "onEnd(resultOf('vmm.kill')),\n    'effect.unknown'",
  },
  {
    law: 2,
    breaks: 'probe results of an older check count',
    world: 'health check under one attempt',
    file: 'regions/health.ts',
    find: '  event.window.revision === context.health.revision &&\n',
    put: '',
  },
  {
    law: 2,
    breaks: 'the late word of one program is taken for that of the next',
    world: 'programs of the host before stop and standby',
    file: 'guards.ts',
    find: " && 'number' in event && event.number === context.hook.number;",
    put: ';',
  },
  {
    law: 2,
    breaks: 'programs of the host cannot be told apart',
    world: 'programs of the host before stop and standby',
    file: 'hook-actions.ts',
    find: 'number: context.hook.number + 1,',
    put: 'number: 1,',
  },
  {
    law: 3,
    breaks: 'the budget allows one attempt too many',
    world: 'on_failure, two attempts, policy changes',
    file: 'rules.ts',
    find: 'context.restart.attempts >= policy.max_attempts',
    put: 'context.restart.attempts > policy.max_attempts',
  },
  {
    law: 3,
    breaks: 'coming back from a host reboot costs an attempt',
    world: 'on_failure, two attempts, policy changes',
    file: 'rules.ts',
    find: "  if (end.reason === 'host_reboot') return mayRestart(context, at) ? 'host_reboot' : 'none';\n",
    put: '',
  },
  {
    law: 4,
    breaks: 'a clean end is restarted under on_failure',
    world: 'on_failure, two attempts, policy changes',
    file: 'rules.ts',
    find: "  return policy === 'always' || failed;\n",
    put: '  return true;\n',
  },
  {
    law: 4,
    breaks: 'what was killed without a policy comes back after a host reboot',
    world: 'no policy',
    file: 'rules.ts',
    find: 'return policy !== null && wanted',
    put: 'return wanted',
  },
  {
    law: 5,
    breaks: 'a table read before the pause is enough',
    world: 'standby',
    file: FALLING_ASLEEP,
    find: "target: '#frozen' }",
    put: "target: '#snapshotting' }",
  },
  {
    law: 5,
    breaks: 'traffic does not end the countdown',
    world: 'standby',
    file: 'regions/standby.ts',
    find: "        'traffic.active': {\n          guard: ofThisRun,\n          target: '#standby_active',\n          actions: [noteActive, sayCancelled('traffic')],\n        },\n",
    put: '',
  },
  {
    law: 6,
    breaks: 'the start period protects nobody',
    world: 'health check under one attempt',
    file: 'rules.ts',
    find: 'return at - startedAt >= (definition?.health_check?.start_period_ms ?? 0);',
    put: 'return at >= startedAt;',
  },
  {
    law: 6,
    breaks: 'health outlives running',
    world: 'health check under one attempt',
    file: 'regions/health.ts',
    find: "  'run.leaving': { target: '#health_unknown' },\n",
    put: '',
  },
  {
    law: 7,
    breaks: 'a command that asks for nothing is not recorded',
    world: 'no policy',
    file: 'step.ts',
    find: 'const accepted = next !== before || actions.length > 0;',
    put: 'const accepted = facts.length > 0 || effects.length > 0;',
  },
  {
    law: 8,
    breaks: 'a kill may take for ever',
    world: 'no policy',
    file: STOPPING,
    find: "  after: { kill_deadline: { target: '#lost', actions: [noteTrouble, sayLost, withdrawEarlier] } },\n",
    put: '',
  },
  {
    law: 8,
    breaks: 'a boot may take for ever',
    world: 'no policy',
    file: 'regions/lifecycle/running.ts',
    find: '  after: {\n    boot_deadline: [',
    put: '  exit: [],\n  on_time: {\n    boot_deadline: [',
  },
  ...MUTANTS_OF_AUTOMATION,
  ...MUTANTS_OF_STANDBY,
];
