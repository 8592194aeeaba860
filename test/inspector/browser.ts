import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';

/** A real browser for the inspector's tests, and everything it complains about. */

const PROGRAM = '/usr/bin/chromium';

export interface Watched {
  readonly page: Page;
  /** Errors on the console and in scripts; violations of the page's own policy are among them. */
  readonly complaints: string[];
  /** Addresses of everything that was asked for. */
  readonly asked: string[];
  /** Bodies of all answers but those that never end. */
  readonly bodies: Promise<string>[];
}

export async function openBrowser(): Promise<Browser> {
  // Chromium refuses its sandbox to root, and it is only shown pages of our own here.
  return chromium.launch({ executablePath: PROGRAM, args: ['--no-sandbox'] });
}

export async function openPage(context: BrowserContext): Promise<Watched> {
  const page = await context.newPage();
  const watched: Watched = { page, complaints: [], asked: [], bodies: [] };
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') watched.complaints.push(message.text());
  });
  page.on('pageerror', (error) => watched.complaints.push(error.message));
  page.on('request', (request) => watched.asked.push(request.url()));
  page.on('response', (response) => {
    const isStream = response.headers()['content-type']?.startsWith('text/event-stream') ?? false;
    if (!isStream) watched.bodies.push(response.text().catch(() => ''));
  });
  return watched;
}
