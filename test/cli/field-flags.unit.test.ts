/** Goal: a refusal names the flag that was typed. Method: the commands themselves, and every field a request may have. */
import { expect, test } from 'vitest';
import { CliError } from '../../src/cli/client.ts';
import { flagOf, inFlags } from '../../src/cli/commands/field-flags.ts';
import { makeProgram } from '../../src/cli/program.ts';

const programNow = () => makeProgram({ line: () => {}, text: () => {}, note: () => {} });
const program = programNow();
const commandNamed = (name: string) => program.commands.find((command) => command.name() === name)!;
const [run, update, stop] = [commandNamed('run'), commandNamed('update'), commandNamed('stop')];

test.each([
  ['restart_policy.backoff', '--backoff'],
  ['restart_policy.delays.1', '--delays'],
  ['restart_policy.exit_codes.never.0', '--never-on'],
  ['health_check.timeout', '--health-timeout'],
  ['health_check.http.path', '--health'],
  ['health_check.exec.command', '--health'],
  ['health_check', '--health'],
  ['auto_standby.idle_timeout', '--auto-standby'],
  ['ttl', '--ttl'],
  ['expires_at', '--expires-at'],
  ['on_expiry', '--on-expiry'],
])('%s was typed as %s', (field, flag) => {
  expect([flagOf(run, field), flagOf(update, field)]).toEqual([flag, flag]);
});

test.each([
  ['size', '--size'],
  ['vcpus', '--vcpus'],
  ['image', '--image'],
  ['network.ports', '--port'],
  ['network.address', '--address'],
])('%s of a run was typed as %s', (field, flag) => {
  expect(flagOf(run, field)).toBe(flag);
});

test('what this command has no flag for is told as the daemon said it', () => {
  expect(flagOf(stop, 'restart_policy.backoff')).toBeNull();
  const unnamed = new CliError('busy', 'Too many.');
  expect(inFlags(run, unnamed)).toBe(unnamed);
  const named = new CliError('invalid_request', 'name is required.', undefined, 'name');
  expect(inFlags(run, named)).toBe(named);
});

test('a flag that was not given is not accused; that of the part it belongs to is, when that was', () => {
  const given = programNow().commands.find((command) => command.name() === 'update')!;
  const refusal = new CliError('invalid_request', 'Too long.', undefined, 'health_check.timeout');
  expect(inFlags(given, refusal)).toBe(refusal);
  given.setOptionValueWithSource('health', 'tcp:80', 'cli');
  expect(inFlags(given, refusal)).toMatchObject({ message: '--health: Too long.' });
  given.setOptionValueWithSource('healthTimeout', '9s', 'cli');
  expect(inFlags(given, refusal)).toMatchObject({ message: '--health-timeout: Too long.' });
});

test('the flag stands first, and the code stays', () => {
  update.setOptionValueWithSource('backoff', '0s', 'cli');
  const message = 'restart_policy.backoff must be a positive duration.';
  const refusal = new CliError('invalid_restart_policy', message, undefined, 'restart_policy.backoff');
  expect(inFlags(update, refusal)).toMatchObject({
    code: 'invalid_restart_policy',
    message: `--backoff: ${message}`,
  });
});

test('a flag that is named like its field is said once', () => {
  const hold = programNow().commands.find((command) => command.name() === 'hold')!;
  hold.setOptionValueWithSource('until', '2020-01-01T00:00:00Z', 'cli');
  const refusal = new CliError('invalid_request', 'until must be in the future.', undefined, 'until');
  expect(inFlags(hold, refusal)).toMatchObject({ message: '--until must be in the future.' });
});
