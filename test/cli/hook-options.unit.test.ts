import { describe, expect, test } from 'vitest';
import { hooksOf } from '../../src/cli/commands/hook-options.ts';

describe('flags about hooks', () => {
  test('take all of them away, name them, or say nothing of them', () => {
    expect(hooksOf({ hooks: false })).toEqual({ hooks: null });
    expect(hooksOf({ hooks: true })).toEqual({});
    expect(hooksOf({ hooks: true, beforeStop: 'flush' })).toEqual({ hooks: { before_stop: 'flush' } });
  });

  test.each([
    ['--before-stop', { beforeStop: 'flush' }],
    ['--before-standby', { beforeStandby: 'flush' }],
  ])('are refused where they contradict each other: --no-hooks beside %s', (flag, named) => {
    const refused = expect.objectContaining({ code: 'invalid_request', field: 'hooks' });
    expect(() => hooksOf({ hooks: false, ...named })).toThrow(refused);
    expect(() => hooksOf({ hooks: false, ...named })).toThrow(`leave out ${flag}`);
  });
});
