import { existsSync, openSync, writeSync } from 'node:fs';
import { flushCompileCache } from 'node:module';
import { systemClock } from '../../src/actors/clock.ts';
import type { FaultInjector, FaultMoment, FaultPoint } from '../../src/actors/fault-points.ts';
import { startDaemon } from '../../src/cli/daemon/daemon.ts';
import { type FaultPlan, faultPlanSchema, type Note, noteLine, PLAN_VARIABLE } from './fault-plan.ts';

/** The whole daemon as a process, on a data directory, with faults at the moments its environment names. */

const RELEASE_LOOK_MS = 10;

type Moment = NonNullable<FaultPlan['kill']>;

/** Says when a moment has come: at its n-th reach. */
function counter(moment: Moment | null): (point: FaultPoint, subject: string) => boolean {
  let left = moment?.nth ?? 0;
  return (point, subject) => {
    if (moment === null || moment.point !== point || (moment.subject ?? subject) !== subject) return false;
    left -= 1;
    return left === 0;
  };
}

function injector(plan: FaultPlan): FaultInjector {
  const clock = systemClock();
  const killNow = counter(plan.kill);
  const holdNow = counter(plan.hold);
  const notes = plan.notes === null ? null : openSync(plan.notes, 'a', 0o600);
  const note = (what: Note['what'], point: FaultPoint, { subject, instance }: FaultMoment): void => {
    if (notes !== null) writeSync(notes, noteLine({ what, point, subject, instance }));
  };
  const released = async (file: string): Promise<void> => {
    while (!existsSync(file)) await clock.sleep(RELEASE_LOOK_MS);
  };
  return (point, moment) => {
    note('reach', point, moment);
    if (killNow(point, moment.subject)) {
      note('kill', point, moment);
      process.kill(process.pid, 'SIGKILL');
    }
    if (!holdNow(point, moment.subject) || plan.hold === null) return undefined;
    note('hold', point, moment);
    return released(plan.hold.release);
  };
}

const [data, hypervisor, log = 'sqlite', bridge = null] = process.argv.slice(2);
if (
  data === undefined ||
  (hypervisor !== 'simulator' && hypervisor !== 'qemu') ||
  (log !== 'sqlite' && log !== 'memory')
) {
  throw new Error('usage: daemon-with-faults DIR simulator|qemu [sqlite|memory] [BRIDGE]');
}
const plan = faultPlanSchema.parse(JSON.parse(process.env[PLAN_VARIABLE] ?? 'null'));
const daemon = await startDaemon({
  data,
  listen: { host: '127.0.0.1', port: 0 },
  nats: 'off',
  hypervisor,
  log,
  bridge,
  say: (line) => process.stderr.write(`${line}\n`),
  faults: injector(plan),
});
// It is written at an orderly end only, and this process is not made for one.
flushCompileCache();
process.once('SIGTERM', () => void daemon.close().then(() => process.exit(0)));
