/** Goal: the reference of the NATS door tells all of it. Method: its lists are compared with the code. */
import { expect, test } from 'vitest';
import { QUEUE_GROUP } from '../../src/gateway/nats/endpoints.ts';
import { recordsStreamName } from '../../src/gateway/nats/records-stream.ts';
import { groupPrefix, recordsPrefix } from '../../src/gateway/nats/subjects.ts';
import { verbGroups } from '../../src/gateway/nats/verb-groups.ts';
import { HOST_VERBS, type HostUseCases, type UseCases, VERBS } from '../../src/gateway/use-cases/contract.ts';
import { WEBHOOK_EVENTS } from '../../src/gateway/webhooks/options.ts';
import { document, name, quoted, tableRows } from './markdown.ts';

const text = document('docs/reference/nats.md');

test('every verb of both groups is named, in order', () => {
  const told = /Verbs on instances: `([^`]+)`\. About the host: `([^`]+)`\./.exec(text);
  expect(told?.slice(1).map((verbs) => verbs.split(' '))).toEqual([[...VERBS], [...HOST_VERBS]]);
});

test('the subjects, the queue group and the stream are those of the code', () => {
  for (const { name, answeredByAny } of verbGroups({} as UseCases, {} as HostUseCases)) {
    expect(text.includes(`\`${groupPrefix(name)}VERB\``)).toBe(answeredByAny);
    expect(text).toContain(`\`${groupPrefix(name, 'HOST')}VERB\``);
  }
  expect(text).toContain(`queue group \`${QUEUE_GROUP}\``);
  expect(text).toContain(`\`${recordsPrefix('HOST')}INSTANCE.TYPE\``);
  expect(text).toContain(`\`${recordsStreamName('HOST')}\``);
});

test('the metadata of an endpoint is told whole', () => {
  const [group] = verbGroups({} as UseCases, {} as HostUseCases);
  const { verb: _named, ...metadata } = group!.verbs[0]!;
  const rows = tableRows(text, 'metadata').map(([field]) => name(field));
  expect(rows).toEqual([...Object.keys(metadata), 'answered_by']);
});

test('the how-to of webhooks lists the events there are', () => {
  const rows = tableRows(document('docs/how-to/webhooks.md'), 'event').map(([event]) => quoted(event!)[0]);
  expect(rows).toEqual([...WEBHOOK_EVENTS]);
});
