import { describe, expect, test } from 'vitest';
import { healthCheckOf } from '../../src/cli/commands/health-options.ts';
import { restartPolicyOf } from '../../src/cli/commands/restart-options.ts';

describe('a policy that is taken away has no parts: flags that contradict each other are both named', () => {
  test.each([
    [{ backoff: '5s' }, '--restart never takes the whole policy away: leave out --backoff.'],
    [
      { maxAttempts: 0, neverOn: [2] },
      '--restart never takes the whole policy away: leave out --max-attempts, --never-on.',
    ],
  ])('--restart never beside %j', (parts, message) => {
    expect(() => restartPolicyOf({ restart: { policy: 'never' }, ...parts })).toThrow(message);
  });

  test.each([
    [{ healthInterval: '5s' }, '--health none takes the whole check away: leave out --health-interval.'],
    [{ healthStatus: 204 }, '--health none takes the whole check away: leave out --health-status.'],
    [{ healthInsecure: true }, '--health none takes the whole check away: leave out --health-insecure.'],
  ])('--health none beside %j', (parts, message) => {
    expect(() => healthCheckOf({ health: { type: 'none' }, ...parts })).toThrow(message);
  });

  test('alone, each takes its policy away', () => {
    expect(restartPolicyOf({ restart: { policy: 'never' } }).restart_policy).toMatchObject({ policy: 'never' });
    expect(healthCheckOf({ health: { type: 'none' } }).health_check).toMatchObject({ type: 'none' });
  });
});
