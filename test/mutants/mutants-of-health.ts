import type { Mutant } from './mutant.ts';

/** Defects in what the chart makes of results of probes. */

const HEALTH = 'machines/regions/health.ts';

const health = (title: string) => ({ file: 'test/machines/health.unit.test.ts', title });
const windows = (title: string) => ({ file: 'test/machines/health-windows.unit.test.ts', title });

export const MUTANTS_OF_HEALTH: readonly Mutant[] = [
  {
    name: 'a result of an older check counts',
    file: HEALTH,
    find: '  event.window.revision === context.health.revision &&\n',
    put: '',
    killedBy: health('results of another run or of an older check change nothing'),
  },
  {
    name: 'a result of an earlier run counts',
    file: HEALTH,
    find: '  event.window.run === context.run.number &&\n',
    put: '',
    killedBy: health('results of another run or of an older check change nothing'),
  },
  {
    name: 'the start period lasts a moment too long',
    file: 'machines/rules.ts',
    find: 'return at - startedAt >= (definition',
    put: 'return at - startedAt > (definition',
    killedBy: health('failures in the start period count towards the streak but do not make unhealthy'),
  },
  {
    name: 'failures in the start period are forgotten',
    file: HEALTH,
    find: 'failures: Math.min(context.health.failures + 1, ',
    put: 'failures: !outOfGrace(context, event.at) ? 0 : Math.min(context.health.failures + 1, ',
    killedBy: health('failures in the start period count towards the streak but do not make unhealthy'),
  },
  {
    name: 'one failure too many makes unhealthy',
    file: HEALTH,
    find: 'moment.context.health.failures + 1 >= threshold',
    put: 'moment.context.health.failures >= threshold',
    killedBy: health('a verdict restarts; the budget used up, the guest is left running unhealthy and blocked'),
  },
  {
    name: 'a success leaves the streak of failures',
    file: HEALTH,
    find: 'success_threshold ?? 1),\n    failures: 0,',
    put: 'success_threshold ?? 1),\n    failures: context.health.failures,',
    killedBy: health('a success breaks a streak'),
  },
  {
    name: 'a restored guest goes on in the window it had before',
    file: HEALTH,
    find: "return event.type === 'run.ready' ? (context.run.started_at ?? event.at) : event.at;",
    put: 'return context.health.window_started_at ?? event.at;',
    killedBy: windows('begins with a restore, however long ago the guest was booted'),
  },
  {
    name: 'a changed check has the start period of the boot',
    file: HEALTH,
    find: "return event.type === 'run.ready' ? (context.run.started_at ?? event.at) : event.at;",
    put: 'return context.run.started_at ?? event.at;',
    killedBy: windows('begins with a changed check'),
  },
  {
    name: 'a guest that becomes healthy is restarted',
    file: 'machines/regions/restart-guards.ts',
    find: "event.type === 'health.turned' && event.to === 'unhealthy' && healthVerdict",
    put: "event.type === 'health.turned' && healthVerdict",
    killedBy: health('a success breaks a streak'),
  },
  {
    name: 'a guest is judged while it is paused',
    file: HEALTH,
    find: "  'run.leaving': { target: '#health_unknown' },\n",
    put: '',
    killedBy: health('no verdict is made while the guest is paused or gone'),
  },
  {
    name: 'one success is always enough',
    file: HEALTH,
    find: 'context.health.successes + 1 >= threshold',
    put: 'context.health.successes + 1 >= Math.min(threshold, 1)',
    killedBy: {
      file: 'test/models/thresholds.unit.test.ts',
      title: 'are those of the model, whatever happens in whatever order',
    },
  },
];
