import type { Browser, Page } from 'playwright-core';
import { systemClock } from '../../src/actors/clock.ts';
import { controlSimulator, type SimulatorControl } from '../../src/adapters/simulator/control.ts';
import { worldProgram } from '../../src/cli/simulator-world.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { type DaemonProcess, type Workplace, workplace } from '../cli/daemon-process.ts';
import { openBrowser, openPage, type Watched } from './browser.ts';

/** A real daemon on the simulator, and a browser that looks at it. */
export interface InspectedDaemon {
  readonly control: SimulatorControl;
  /** What the newest tab has asked and complained of. */
  readonly watched: Watched;
  /** Of the list of instances, with the token. */
  readonly address: string;
  begin(): Promise<void>;
  end(): Promise<void>;
  kill(): Promise<void>;
  /** The next daemon, at the same address. */
  serveAgain(): Promise<void>;
  cli(...args: string[]): Promise<string>;
  get(name: string): Promise<InstanceView>;
  create(name: string, more: Readonly<Record<string, unknown>>): Promise<void>;
  hold(name: string, length: string): Promise<void>;
  /** A tab of its own, as somebody who has not been here before. */
  tab(url: string): Promise<Page>;
  origin(): string;
  token(): string;
}

const FLAGS = ['--hypervisor', 'simulator', '--nats', 'off', '--no-hello'] as const;
export const SEEN_MS = 20_000;
const SIGHT = { width: 1280, height: 820 };

export function inspectedDaemon(): InspectedDaemon {
  let place: Workplace;
  let daemon: DaemonProcess;
  let control: SimulatorControl;
  let browser: Browser;
  let watched: Watched;
  let address: string;

  const origin = (): string => new URL(address).origin;
  const token = (): string => new URLSearchParams(new URL(address).hash.slice(1)).get('token') ?? '';
  const headers = (): Record<string, string> => ({
    authorization: `Bearer ${token()}`,
    'content-type': 'application/json',
  });
  async function cli(...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await place.cli(...args);
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }
  async function post(path: string, body: object): Promise<void> {
    const about = { method: 'POST', headers: headers(), body: JSON.stringify(body) };
    const response = await fetch(`${origin()}/v1/instances${path}`, about);
    if (!response.ok) throw new Error(await response.text());
  }
  return {
    get control() {
      return control;
    },
    get watched() {
      return watched;
    },
    get address() {
      return address;
    },
    origin,
    token,
    cli,
    begin: async () => {
      place = workplace();
      [daemon, browser] = await Promise.all([place.serve(...FLAGS), openBrowser()]);
      control = controlSimulator({ world: { directory: place.data, program: worldProgram }, clock: systemClock() });
      address = (await cli('inspect')).trim();
    },
    end: async () => {
      await browser.close();
      await daemon.end('SIGTERM');
      await control.shutdownWorld().catch(() => {});
      await control.close();
      place.remove();
    },
    kill: async () => {
      await daemon.end('SIGKILL');
    },
    serveAgain: async () => {
      daemon = await place.serve(...FLAGS, '--listen', new URL(address).host);
    },
    get: async (name) => {
      const response = await fetch(`${origin()}/v1/instances/${name}`, { headers: headers() });
      return (await response.json()) as InstanceView;
    },
    create: (name, more) => post('', { name, image: 'demo', ...more }),
    hold: (name, length) => post(`/${name}/hold`, { for: length }),
    tab: async (url) => {
      const context = await browser.newContext({ viewport: SIGHT, colorScheme: 'light', timezoneId: 'UTC' });
      context.setDefaultTimeout(SEEN_MS);
      watched = await openPage(context);
      await watched.page.goto(url);
      return watched.page;
    },
  };
}

export const lit = (page: Page): Promise<string[]> =>
  page
    .locator('.chart-state[aria-current]')
    .evaluateAll((all) => all.map((one) => one.getAttribute('data-path') ?? ''));

export const seeLit = (page: Page, path: string): Promise<void> =>
  page.locator(`[data-path="${path}"].active`).waitFor();
