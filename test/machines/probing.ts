import type { HealthCheck } from '../../machines/policies.ts';
import type { Step } from '../../machines/step.ts';
import { CHECK, definition, ON_FAILURE } from './definitions.ts';
import { bootUp, type Driver, drive, exited } from './driver.ts';

/** Probe results as the tests of health send them: of the present window unless told otherwise. */

export interface OfWindow {
  readonly run?: number;
  readonly revision?: number;
}

export function probe(driver: Driver, atMs: number, result: 'passed' | 'failed', of: OfWindow = {}): Step {
  const { run, health } = driver.snapshot().context;
  const window = { run: of.run ?? run.number, revision: of.revision ?? health.revision };
  if (result === 'passed') return driver.send(atMs, { type: 'probe.passed', window });
  return driver.send(atMs, { type: 'probe.failed', window, error: 'refused' });
}

/** Stopped for its health and booted again. */
export function comeBack(driver: Driver, atMs: number): void {
  const run = driver.snapshot().context.run.number;
  driver.send(atMs, exited(run, 0));
  bootUp(driver, atMs);
}

/** Booted at once, checked, and restarted when it fails. */
export function runningChecked(check: Partial<HealthCheck> = {}, policy: object = {}): Driver {
  const driver = drive(
    definition({ restart_policy: { ...ON_FAILURE, ...policy }, health_check: { ...CHECK, ...check } }),
  );
  bootUp(driver, 0);
  return driver;
}
