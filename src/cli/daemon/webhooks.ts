import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { Log } from '../../actors/contracts/log.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { createOutbox } from '../../gateway/outbox/outbox.ts';
import type { Webhook } from '../../gateway/webhooks/options.ts';
import { createWebhookDestination } from '../../gateway/webhooks/webhook-destination.ts';
import { type DataDirectory, writePrivately } from '../data-directory.ts';
import type { Closers } from './closers.ts';
import { keptCursor } from './kept-cursor.ts';
import type { MeasuredOutbox } from './outbox-metrics.ts';
import { programVersion } from './program-version.ts';

/** Each webhook has an outbox of its own: one that is down holds up nobody else. Shown as the section `webhooks`. */

export interface WebhookParts {
  readonly webhooks?: readonly Webhook[];
  readonly log: Log;
  readonly logName: string;
  readonly host: string;
  readonly nameOf: (instance: string) => string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  readonly closers: Closers;
  readonly sections: HostSections;
  /** To whoever reads the log of the daemon. */
  readonly tell: (line: string) => void;
}

const SECRET_BYTES = 32;

export function openWebhooks(parts: WebhookParts): MeasuredOutbox[] {
  const opened = (parts.webhooks ?? []).map((webhook) => openWebhook(webhook, parts));
  parts.sections.add('webhooks', () => opened.map(({ status }) => status()));
  return opened;
}

function openWebhook(webhook: Webhook, parts: WebhookParts): MeasuredOutbox & { readonly status: () => object } {
  const { log, host, nameOf, clock, random, directory, closers, tell } = parts;
  const file = join(directory.secrets, webhook.secret);
  ensureSecret(file, directory, random);
  const destination = createWebhookDestination({
    webhook,
    host,
    version: programVersion(),
    nameOf,
    secret: () => secretIn(file, webhook.secret),
    clock,
    random,
    tell,
  });
  const name = `webhook-${webhook.name}`;
  const store = keptCursor(log, parts, name);
  // What happened before there was anybody to tell is not news.
  const begin = 'after_the_last_record';
  const outbox = createOutbox({ log, destination, store, clock, tell, name: `Webhook ${webhook.name}`, begin });
  closers.add(() => outbox.close(), `webhook ${webhook.name}`);
  const status = (): object => {
    const { last_error, ...more } = outbox.status();
    return { ...destination.status(), ...more, last_error: destination.lastError() ?? last_error };
  };
  const parked = (): number => destination.status().parked;
  return { kind: 'webhook', status, lag: () => outbox.status().lag, parked };
}

/** Made once, for whoever receives requests to verify them by. */
function ensureSecret(file: string, directory: DataDirectory, random: Random): void {
  mkdirSync(directory.secrets, { recursive: true, mode: 0o700 });
  if (!existsSync(file)) writePrivately(file, `${random.hex(SECRET_BYTES)}\n`);
}

function secretIn(file: string, name: string): string {
  const secret = existsSync(file) ? readFileSync(file, 'utf8').trim() : '';
  if (secret === '') throw new Error(`the secret ${name} is missing or empty`);
  return secret;
}
