import { expect } from 'vitest';
import { CHECK, definition, ON_FAILURE, START } from './definitions.ts';
import { bootUp, type Driver, drive, exited, failed } from './driver.ts';
import { comeBack, probe } from './probing.ts';

/** Ways to an automatic restart that is pending. Offsets in milliseconds; backoff 7 s, two attempts. */

export const SENSITIVE = { ...CHECK, failure_threshold: 1, start_period_ms: 0 };
export const GATED = { ...ON_FAILURE, stability_period_ms: 90_000 };

/** Down since 1 s, the second attempt due at 7 s. */
export function inBackoff(): Driver {
  const driver = drive(definition({ restart_policy: ON_FAILURE }));
  bootUp(driver, 0);
  driver.send(0, exited(1, 1));
  driver.send(1_000, failed('vmm.boot', 2));
  return driver;
}

/** Running and unhealthy since 3 s; another restart waits for its backoff, or for the stability period. */
export function unhealthy(policy: typeof GATED | typeof ON_FAILURE = ON_FAILURE): Driver {
  const driver = drive(definition({ restart_policy: policy, health_check: SENSITIVE }));
  bootUp(driver, 0);
  probe(driver, 1_000, 'failed');
  comeBack(driver, 2_000);
  probe(driver, 3_000, 'failed');
  return driver;
}

/** Down, its two attempts used up. */
export function exhausted(): Driver {
  const driver = inBackoff();
  driver.until(7_000);
  driver.send(8_000, failed('vmm.boot', 3));
  expect(driver.restart()).toMatchObject({ blocked_reason: 'max_attempts_exceeded' });
  return driver;
}

/** Down while the host has not answered. */
export function asking(): Driver {
  const driver = drive(definition({ restart_policy: ON_FAILURE }), 'running', 0, 'silent');
  bootUp(driver, 0);
  driver.send(1_000, exited(1, 1));
  return driver;
}

export function held(): Driver {
  const driver = asking();
  driver.send(1_000, {
    type: 'host.held',
    run: 1,
    purpose: 'restart_policy',
    reason: 'memory',
    retry_at: START + 60_000,
  });
  return driver;
}
