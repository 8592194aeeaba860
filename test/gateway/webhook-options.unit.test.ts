/** Goal: a webhook that is configured wrongly is refused before anything runs. Method: the schema of the options. */
import { expect, test } from 'vitest';
import { WEBHOOKS_MAX, webhooksOption } from '../../src/gateway/webhooks/options.ts';

const URL_OF_ONE = 'https://example.net/hook';

test('a URL alone is a webhook of all events, signed with the common secret, and named after itself', () => {
  const [one] = webhooksOption.parse(URL_OF_ONE);
  expect(one).toMatchObject({ url: URL_OF_ONE, secret: 'webhook' });
  expect(one!.events).toEqual(['restart.blocked', 'instance.quarantined', 'instance.lost']);
  expect(one!.name).toMatch(/^[0-9a-f]{12}$/);
  expect(webhooksOption.parse([URL_OF_ONE])).toEqual([one]);
});

test('what is given stays', () => {
  const given = { url: URL_OF_ONE, name: 'pager', secret: 'pager-key', events: ['instance.lost'] };
  expect(webhooksOption.parse([given])).toEqual([given]);
});

test.for([
  ['another protocol', 'ftp://example.net/hook'],
  ['a password in the URL', 'https://user:word@example.net/hook'],
  ['no URL', [{ name: 'pager' }]],
  ['an event there is not', [{ url: URL_OF_ONE, events: ['instance.created'] }]],
  ['no event', [{ url: URL_OF_ONE, events: [] }]],
  ['a secret that would lie elsewhere', [{ url: URL_OF_ONE, secret: '../token' }]],
  ['a field there is not', [{ url: URL_OF_ONE, colour: 'red' }]],
  ['the same one twice', [URL_OF_ONE, URL_OF_ONE]],
  ['too many', Array.from({ length: WEBHOOKS_MAX + 1 }, (_, n) => `${URL_OF_ONE}/${n}`)],
] as const)('%s is refused', ([, given]) => {
  expect(webhooksOption.safeParse(given).success).toBe(false);
});
