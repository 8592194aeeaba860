/**
 * Goal: the inspector shows a crash, the backoff that counts down, the restart, and the moment before, in a real browser;
 * nothing that is secret reaches the page and the page reaches nothing but its daemon. Method: Chromium, a real daemon
 * on the simulator. With STATEVISOR_WRITE_TRANSCRIPTS=1 the picture in the documents is taken anew.
 */
import { join } from 'node:path';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CHART_VERSION } from '../../machines/chart.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { projectDir } from '../architecture/project-files.ts';
import { until } from '../cli/daemon-process.ts';
import { inspectedDaemon, lit, SEEN_MS, seeLit } from './inspected-daemon.ts';

const LIMIT_MS = 120_000;
/** A guest that is soon ready, so that it can be ended while the backoff still holds back what follows. */
const BOOT_MS = 50;
const PICTURE = join(projectDir, 'docs', 'images', 'inspector.png');
/** With the timeline below the chart. */
const PICTURE_SIZE = { width: 1280, height: 1090 };

const inspected = inspectedDaemon();
const { cli, get, create, hold, tab, origin, token } = inspected;

beforeAll(async () => {
  await inspected.begin();
  await cli('run', 'web', '--restart', 'always', '--backoff', '8s', '--ttl', '2h');
}, LIMIT_MS);

afterAll(inspected.end, LIMIT_MS);

afterEach(async () => {
  // Whatever a test looked at: the page complains of nothing and asks nobody but its daemon.
  expect(inspected.watched.complaints).toEqual([]);
  expect(inspected.watched.asked.filter((url) => new URL(url).origin !== origin())).toEqual([]);
  await inspected.watched.page.context().close();
});

const countdown = (page: Page): Promise<string | null> =>
  page.locator('[data-timer="timer.backoff"] text').textContent();

test('a crash, the backoff counting down, the restart, and stepping back to the moment before', {
  timeout: LIMIT_MS,
}, async () => {
  const page = await tab(`${inspected.address}&instance=web`);
  await seeLit(page, 'lifecycle.running');
  const { id } = await get('web');
  await inspected.control.setBootDuration(id, BOOT_MS);
  await inspected.control.crash(id);
  // The first attempt comes at once; the second is held back, if the run of the first ends soon enough.
  const isUpAgain = ({ run, state }: InstanceView): boolean => run === 2 && state === 'Running';
  await until(() => get('web'), isUpAgain, SEEN_MS);
  await inspected.control.crash(id);

  await seeLit(page, 'restart.backoff.ended');
  expect(await lit(page)).toContain('lifecycle.failed');
  await page.locator('.chart-arrow.taken[data-from="lifecycle.running"][data-to="lifecycle.failed"]').waitFor();
  const first = await countdown(page);
  expect(first).toMatch(/^backoff in \d\.\ds$/);
  await until(
    () => countdown(page),
    (now) => now !== first,
    SEEN_MS,
  );
  if (process.env.STATEVISOR_WRITE_TRANSCRIPTS === '1') {
    await page.setViewportSize(PICTURE_SIZE);
    await page.screenshot({ path: PICTURE });
  }

  await page.locator('h1', { hasText: 'run 3' }).waitFor();
  await seeLit(page, 'lifecycle.running');
  expect(await page.locator('[data-timer="timer.backoff"]').count()).toBe(0);

  // Back from run 3 over the restart and the backoff to the last record before the second crash.
  const crashed = page.locator('button.record', { hasText: 'run 2 ended: crashed' });
  await crashed.click();
  expect(await lit(page)).toContain('restart.backoff.ended');
  expect(await countdown(page)).toMatch(/^backoff \d\d:\d\d:\d\d$/);
  await page.keyboard.press('ArrowLeft');
  await seeLit(page, 'lifecycle.running');
  const before = await lit(page);
  expect(before).not.toContain('restart.backoff');
  expect(await page.locator('.stepper .moment').textContent()).toContain('guest of run 2 is ready');
  expect(await page.locator('h1').textContent()).toContain('at present');
  const version = Number(await page.getByRole('slider', { name: 'Record' }).inputValue());
  expect(page.url()).toContain(`version=${version}`);
  await page.keyboard.press('ArrowRight');
  await seeLit(page, 'restart.backoff.ended');
  expect(await page.locator('.difference').textContent()).toContain('restart.next_attempt_at');
  await page.getByRole('button', { name: 'Live' }).click();
  await page.locator('h1', { hasNotText: 'at present' }).waitFor();
  expect(await lit(page)).toContain('lifecycle.running');
});

test('what probes say and what restarts would follow is shown of the present, and of the present only', {
  timeout: LIMIT_MS,
}, async () => {
  await create('sick', {
    restart_policy: { policy: 'always', backoff: '1h', max_attempts: 3 },
    health_check: { type: 'http', http: { port: 80, path: '/' }, interval: '1s', failure_threshold: 100 },
  });
  const { id } = await get('sick');
  await inspected.control.setProbe(id, 'fail');
  const page = await tab(`${inspected.address}&instance=sick`);
  await page.locator('.probes .failed', { hasText: 'failed' }).nth(1).waitFor();
  const forecast = page.locator('.forecast');
  expect(await forecast.locator('li').count()).toBe(3);
  expect(await forecast.textContent()).toMatch(/attempt 1 at once.*attempt 2 in .*gives up after attempt 3/);
  await page.keyboard.press('ArrowLeft');
  await page.getByText('known of the present only').waitFor();
  expect([await forecast.count(), await page.locator('.probes').count()]).toEqual([0, 0]);
  await cli('rm', 'sick');
  await page.getByText('is gone; this is its history').waitFor();
  await page.getByRole('button', { name: 'Live' }).click();
  await seeLit(page, 'lifecycle.deleted');
  // That it is gone is what the browser has to say of the last look at it.
  expect(inspected.watched.complaints.splice(0).every((text) => text.includes('404'))).toBe(true);
});

test('why a guest is awake is one sentence, with who is connected and what runs out at present, and what was known then in the past', {
  timeout: LIMIT_MS,
}, async () => {
  await create('idler', {
    auto_standby: { enabled: true, idle_timeout: '1h' },
    schedules: { wake: { cron: '30 6 * * *', time_zone: 'Europe/Berlin' } },
  });
  const { id } = await get('idler');
  const page = await tab(`${inspected.address}&instance=idler`);
  await seeLit(page, 'standby.countdown');
  await hold('idler', '2h');
  const why = page.locator('.why');
  await why.getByText('Awake: its idle timeout has not passed, and it is held awake for longer.').waitFor();
  const clock = (name: string) => page.locator(`[data-clock="${name}"]`);
  expect(await clock('Falls asleep').textContent()).toMatch(/^in (1h59m|2h0m)\d+s \(/);
  const idleFor = await clock('Idle for').textContent();
  expect(await page.locator('.schedules').textContent()).toMatch(/^wake at 30 6 \* \* \* \(Europe\/Berlin\), next at /);

  await inspected.control.traffic(id, { open: '192.0.2.7:40000->443' });
  await why.getByText('Awake: a connection is open.').waitFor();
  expect(await page.locator('.connections').textContent()).toContain('192.0.2.7:40000');
  expect(await page.locator('.account').textContent()).toContain('awake: countdown');
  expect(idleFor).toMatch(/^\d/);

  await page.keyboard.press('ArrowLeft');
  await why.getByText('Awake: it is held awake.').waitFor();
  expect(await clock('Held awake until').textContent()).toMatch(/^at \d{4}-/);
  expect([await page.locator('.connections').count(), await page.locator('.account').count()]).toEqual([0, 0]);
});

test('an early moment is in sight in the list, and one that is not there is said so', {
  timeout: LIMIT_MS,
}, async () => {
  const page = await tab(`${inspected.address}&instance=web&version=9999`);
  const none = page.getByRole('alert').filter({ hasText: 'There is no version 9999 of web' });
  await none.getByRole('button', { name: 'Live' }).click();
  await seeLit(page, 'lifecycle.running');
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.goto(`${origin()}/inspector/#instance=web&version=1`);
  const first = page.locator('button.record[data-version="1"][aria-current]');
  const bottomOf = (part: Locator) => part.evaluate((element) => element.getBoundingClientRect().bottom);
  const overhang = async () => (await bottomOf(first)) - (await bottomOf(page.locator('.timeline ol')));
  await until(overhang, (pixels) => pixels < 1, SEEN_MS);
  expect(await page.evaluate('[scrollY, document.querySelector(".timeline ol").scrollTop > 0]')).toEqual([0, true]);
});

test('the command line tells the address of the page and the states of the chart', { timeout: LIMIT_MS }, async () => {
  const { id } = await get('web');
  expect((await cli('inspect', id, '--no-token')).trim()).toBe(`${origin()}/inspector/#instance=web`);
  expect(JSON.parse(await cli('inspect', '--json'))).toEqual({ url: inspected.address });
  await expect(cli('inspect', 'nobody')).rejects.toThrow('no instance');
  const told = (await cli('host', 'chart')).split('\n');
  expect(told.slice(0, 2)).toEqual([`chart ${CHART_VERSION}`, '  lifecycle']);
  expect(told).toContain('    backoff  timer.backoff');
});

describe('the token', () => {
  test('leaves the address at once, is kept in the tab alone, and is in nothing that the page shows or was sent', {
    timeout: LIMIT_MS,
  }, async () => {
    const page = await tab(`${inspected.address}&instance=web`);
    await seeLit(page, 'lifecycle.running');
    expect(page.url()).toBe(`${origin()}/inspector/#instance=web`);
    const kept = await page.evaluate(() => [{ ...sessionStorage }, { ...localStorage }]);
    expect(kept).toEqual([{ 'statevisor.token': token() }, {}]);
    expect(await page.content()).not.toContain(token());
    for (const body of await Promise.all(inspected.watched.bodies)) expect(body).not.toContain(token());
    for (const url of inspected.watched.asked) expect(url).not.toContain(token());
    expect(await page.context().cookies()).toEqual([]);
    await page.goto(`${origin()}/inspector/`);
    await page.getByRole('link', { name: 'web', exact: true }).waitFor();
  });

  test('is asked for when it is missing, and asked for again when it is wrong', { timeout: LIMIT_MS }, async () => {
    const page = await tab(`${origin()}/inspector/`);
    await page.getByLabel('Token').fill('not-the-token');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('alert').getByText('does not know this token').waitFor();
    // What the browser itself says of the refusal is no fault of the page.
    expect(inspected.watched.complaints.splice(0).every((text) => text.includes('401'))).toBe(true);
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
    await page.getByLabel('Token').fill(token());
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByRole('link', { name: 'web', exact: true }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').waitFor();
    expect(await page.evaluate(() => sessionStorage.length)).toBe(0);
  });

  test('takes with it what it has shown: the next one sees nothing before the daemon has answered', {
    timeout: LIMIT_MS,
  }, async () => {
    const page = await tab(inspected.address);
    const web = page.getByRole('link', { name: 'web', exact: true });
    await web.waitFor();
    await page.route('**/v1/**', () => undefined);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Token').fill('not-the-token');
    await page.getByRole('button', { name: 'Look' }).click();
    await page.getByLabel('Filter').waitFor();
    expect(await web.count()).toBe(0);
  });
});

describe('the list of instances', () => {
  const MANY = 500;
  const CREATES_AT_ONCE = 20;
  /** What a click may take on a machine that does several things at once. */
  const ANSWER_MS = 10_000;

  const nameOf = (index: number): string => `vm-${String(index).padStart(3, '0')}`;
  const shownLines = (page: Page): Promise<number> => page.locator('tbody tr[data-name]').count();

  test('of 500 that come while it is watched, all are there, only those in sight are drawn, and it answers at once', {
    timeout: LIMIT_MS,
  }, async () => {
    const page = await tab(inspected.address);
    await page.getByRole('link', { name: 'web', exact: true }).waitFor();
    const all = MANY + Number.parseInt((await page.locator('.count').textContent()) ?? '', 10);
    for (let first = 0; first < MANY; first += CREATES_AT_ONCE) {
      await Promise.all(
        Array.from({ length: CREATES_AT_ONCE }, (_, index) => create(nameOf(first + index), { start: false })),
      );
    }
    await page.getByText(`${all} instances`, { exact: true }).waitFor();
    expect(await shownLines(page)).toBeLessThan(80);
    const rowOf = (name: string) => page.locator(`tr[data-name="${name}"]`);
    page.setDefaultTimeout(ANSWER_MS);
    await page.getByLabel('Filter').fill('vm-49 stopped');
    await page.getByText(`10 of ${all} instances`, { exact: true }).waitFor();
    expect(await shownLines(page)).toBe(10);
    await page.getByLabel('Filter').fill('');
    await page.getByText(`${all} instances`, { exact: true }).waitFor();
    await page.locator('.rows').evaluate((element) => element.scrollTo(0, element.scrollHeight));
    await rowOf('web').waitFor();
    expect(await rowOf('web').getAttribute('aria-rowindex')).toBe(String(all + 1));
    await rowOf('vm-499').getByRole('link').click();
    await page.locator('h1', { hasText: 'vm-499' }).waitFor();
    await page.goBack();
    await rowOf('vm-499').waitFor();
    expect(await page.locator('.rows').evaluate((element) => element.scrollTop)).toBeGreaterThan(0);
  });

  test('a daemon that is killed is said to be gone; back again, nothing that happened is missing', {
    timeout: LIMIT_MS,
  }, async () => {
    const page = await tab(inspected.address);
    const web = page.locator('tr[data-name="web"]');
    await page.getByLabel('Filter').fill('web');
    await web.getByText('Running', { exact: true }).waitFor();
    await inspected.kill();
    await page.getByText('not connected').waitFor();
    await inspected.serveAgain();
    await page.getByText('live', { exact: true }).waitFor();
    await cli('stop', 'web');
    await web.getByText('Stopped', { exact: true }).waitFor();
    expect(inspected.watched.complaints.splice(0).filter((text) => !text.includes('net::ERR_'))).toEqual([]);
  });
});
