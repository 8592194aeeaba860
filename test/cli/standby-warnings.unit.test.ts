import { expect, test } from 'vitest';
import { CliError, type Client } from '../../src/cli/client.ts';
import { warnOfSleeplessness } from '../../src/cli/commands/standby-warnings.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';

const view = { id: '01web', name: 'web', auto_standby: { enabled: true } } as unknown as InstanceView;
const UNWATCHED = /^warning: nothing puts web to sleep by itself: it has no network$/;

/** What is said of a view where the status of standby is answered so. */
async function warnings(of: InstanceView, status: () => Promise<unknown>, json = false): Promise<string[]> {
  const noted: string[] = [];
  const output = { line: () => {}, text: () => {}, note: (text: string) => void noted.push(text) };
  const client = { call: status } as unknown as Client;
  await warnOfSleeplessness({ client, output }, { json }, of);
  return noted;
}
const blind = async (): Promise<unknown> => ({ reason: 'network_disabled' });
const never = (): Promise<unknown> => Promise.reject(new Error('nobody was to be asked'));

test('a policy for a guest that nobody can watch, and a schedule of which nothing comes, are warned of', async () => {
  const inVain = { ...view, schedules_in_vain: { standby: 'ineligible' } };
  const told = await warnings(inVain, blind);
  expect(told).toEqual([
    expect.stringMatching(/schedule for standby of web without a network$/),
    expect.stringMatching(UNWATCHED),
  ]);
});

test('nobody is asked where no policy is enabled, nor for programs, whom the views tell', async () => {
  expect(await warnings({ ...view, auto_standby: { enabled: false } }, never)).toEqual([]);
  expect(await warnings({ ...view, schedules_in_vain: { wake: 'ignore' } }, never, true)).toEqual([]);
});

test('a command that was done does not fail because the status cannot be read after it', async () => {
  expect(await warnings(view, () => Promise.reject(new CliError('not_found', 'It is gone.')))).toEqual([]);
});
