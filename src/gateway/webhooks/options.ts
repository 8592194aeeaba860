import { createHash } from 'node:crypto';
import { z } from 'zod';

/** What a webhook can be told of: facts that somebody has to look at, because nothing automatic will mend them. */
export const WEBHOOK_EVENTS = ['restart.blocked', 'instance.quarantined', 'instance.lost'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

export const WEBHOOKS_MAX = 16;
/** The secret of those that name none. */
export const SECRET_DEFAULT = 'webhook';
const NAME_PATTERN = /^[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?$/;
const NAME_HASH_LENGTH = 12;

const name = z.string().regex(NAME_PATTERN, { error: 'must be lower-case letters, digits and dashes, at most 32' });
const url = z
  .url({ protocol: /^https?$/, error: 'must be a URL such as https://example.net/hook' })
  .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
    error: 'must hold no user or password: requests are signed',
  });

const webhook = z.strictObject({
  /** Under it the webhook is shown and its cursor is kept; made from the URL if absent. */
  name: name.optional(),
  url,
  /** Name of a file in DIR/secrets. */
  secret: name.default(SECRET_DEFAULT),
  /** All of them if absent. */
  events: z
    .array(z.enum(WEBHOOK_EVENTS))
    .min(1)
    .default([...WEBHOOK_EVENTS]),
});

/** A list of webhooks; one that is nothing but a URL may stand as that. */
export const webhooksOption = z
  .union([url.transform((text) => [text]), z.array(z.union([url, webhook])).max(WEBHOOKS_MAX)])
  .transform((given) => given.map((one) => (typeof one === 'string' ? webhook.parse({ url: one }) : one)))
  .transform((given) => given.map((one): Webhook => ({ ...one, name: one.name ?? nameFor(one.url) })))
  .refine((given) => new Set(given.map((one) => one.name)).size === given.length, {
    error: 'must each have another name',
  });

export interface Webhook {
  readonly name: string;
  readonly url: string;
  readonly secret: string;
  readonly events: readonly WebhookEvent[];
}

function nameFor(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, NAME_HASH_LENGTH);
}
