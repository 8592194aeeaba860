import type { DoorWorld } from './door.world.ts';

/** One bad request, and the refusal that every door answers to it. */
export interface BadRequest {
  readonly verb: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly status: number;
  readonly code: string;
  readonly field?: string;
}

const create = (fields: object, field: string, code = 'invalid_request'): BadRequest => {
  return { verb: 'create', input: { name: 'new', image: 'demo', ...fields }, status: 400, code, field };
};

/** Verbs that an instance must be there for. */
const REFUSING_UNKNOWN = [
  'get',
  'start',
  'stop',
  'restart',
  'standby',
  'restore',
  'delete',
  'history',
  'logs',
  'cancel_restart',
  'reset_restart',
  'hold',
  'auto_standby_status',
  'list_snapshots',
];

/** What a door can be sent that is wrong, in a world where `web` runs and `db` is stopped. */
export function badRequests({ web, db }: Pick<DoorWorld, 'web' | 'db'>): BadRequest[] {
  const unknown = '0'.repeat(26);
  const event = { id: web, run: 1, reason: 'killed', code: 137, message: null, ended_at: null };
  return [
    create({ image: 'no-such-image' }, 'image', 'image_not_found'),
    create({ name: 'Bad_Name' }, 'name'),
    create({ size: 'big' }, 'size'),
    create({ size: '1KB' }, 'size'),
    create({ vcpus: 0 }, 'vcpus'),
    create({ vcpus: 1_000 }, 'vcpus'),
    create({ ttl: 'soon' }, 'ttl'),
    create({ ttl: '-1h' }, 'ttl'),
    create({ overlay_size: '10GB' }, 'overlay_size'),
    create({ wait: 'long' }, 'wait', 'invalid_timeout'),
    create({ restart_policy: { policy: 'perhaps' } }, 'restart_policy.policy', 'invalid_restart_policy'),
    create({ health_check: { type: 'http' } }, 'health_check.http', 'invalid_health_check'),
    create({ auto_standby: { enabled: true } }, 'auto_standby.idle_timeout', 'invalid_auto_standby'),
    create({ name: 'web' }, 'name', 'name_conflict'),
    {
      ...create({ network: { ports: [{ guest_port: 80, host_port: 8080 }] } }, 'network.ports'),
      status: 409,
      code: 'insufficient_resources',
    },
    create({ network: { mode: 'bridge', ports: [{ guest_port: 80 }] } }, 'network.ports'),
    { ...create({ network: { mode: 'bridge' } }, 'network.mode'), status: 501, code: 'not_supported' },
    { verb: 'create', input: {}, status: 400, code: 'invalid_request', field: 'name' },
    { verb: 'update', input: { id: web }, status: 400, code: 'invalid_request' },
    { verb: 'update', input: { id: web, vcpus: 4 }, status: 400, code: 'invalid_request', field: 'vcpus' },
    ...REFUSING_UNKNOWN.flatMap((verb) => [
      { verb, input: { id: unknown }, status: 404, code: 'not_found' },
      { verb, input: { id: web.slice(0, 4) }, status: 409, code: 'ambiguous' },
    ]),
    { verb: 'stop', input: { id: web, force: 'much' }, status: 400, code: 'invalid_request', field: 'force' },
    { verb: 'start', input: { id: web, entrypoint: 'sh' }, status: 400, code: 'invalid_request', field: 'entrypoint' },
    { verb: 'restore', input: { id: db }, status: 409, code: 'invalid_state' },
    { verb: 'standby', input: { id: db }, status: 409, code: 'invalid_state' },
    { verb: 'cancel_restart', input: { id: web }, status: 409, code: 'invalid_state' },
    { verb: 'reset_restart', input: { id: db }, status: 409, code: 'invalid_state' },
    { verb: 'reset_restart', input: { id: web, start: true }, status: 400, code: 'invalid_request', field: 'start' },
    {
      verb: 'hold',
      input: { id: web, for: '1m', until: '2030-01-01T00:00:00Z' },
      status: 400,
      code: 'invalid_request',
      field: 'for',
    },
    ...badSnapshots({ web, db }),
    { verb: 'wait', input: { id: web, state: 'Sleeping' }, status: 400, code: 'invalid_state', field: 'state' },
    { verb: 'wait', input: { id: web }, status: 400, code: 'invalid_request', field: 'state' },
    {
      verb: 'wait',
      input: { id: web, state: 'Running', timeout: 'x' },
      status: 400,
      code: 'invalid_timeout',
      field: 'timeout',
    },
    { verb: 'list', input: { limit: 501 }, status: 400, code: 'invalid_request', field: 'limit' },
    { verb: 'list', input: { state: 'Sleeping' }, status: 400, code: 'invalid_request', field: 'state' },
    { verb: 'history', input: { id: web, from: 0 }, status: 400, code: 'invalid_request', field: 'from' },
    ...badReads(web),
    { verb: 'get', input: { id: 'x'.repeat(64) }, status: 400, code: 'invalid_request', field: 'id' },
    ...['vmm.exited', 'effect.done', 'timer.backoff', 'guest.ready', 'explode', '__proto__'].map((verb) => {
      return { verb, input: event, status: 404, code: 'unknown_verb' };
    }),
  ];
}

/** What can be asked of snapshots and forks that is wrong, of one that runs and one that is stopped; neither has any. */
function badSnapshots({ web, db }: Pick<DoorWorld, 'web' | 'db'>): BadRequest[] {
  const unknown = '0'.repeat(26);
  const [named, gone] = [{ name: 'before' }, { status: 404, code: 'snapshot_not_found', field: 'name' }];
  const bad = { status: 400, code: 'invalid_request' };
  const taken = { verb: 'create_snapshot', ...bad, field: 'name' };
  const unfit = { status: 409, code: 'invalid_state' };
  return [
    { verb: 'create_snapshot', input: { id: unknown, ...named }, status: 404, code: 'not_found' },
    { verb: 'delete_snapshot', input: { id: unknown, ...named }, status: 404, code: 'not_found' },
    { verb: 'restore_snapshot', input: { id: unknown, ...named }, status: 404, code: 'not_found' },
    { verb: 'fork', input: { id: unknown, name: 'copy' }, status: 404, code: 'not_found' },
    { ...taken, input: { id: web } },
    ...['Before', 'run-1', 'scheduled-1', 'forking-1', ''].map((name) => ({ ...taken, input: { id: web, name } })),
    { ...taken, input: { id: web, ...named, kind: 'Standby' }, field: 'kind' },
    { verb: 'create_snapshot', input: { id: db, ...named }, ...unfit },
    { verb: 'delete_snapshot', input: { id: web, ...named }, ...gone },
    { verb: 'restore_snapshot', input: { id: db, ...named }, ...gone },
    { verb: 'restore_snapshot', input: { id: db, ...named, then: 'stopped' }, ...bad, field: 'then' },
    { verb: 'fork', input: { id: web }, ...bad, field: 'name' },
    { verb: 'fork', input: { id: web, name: 'Copy' }, ...bad, field: 'name' },
    { verb: 'fork', input: { id: web, name: 'db', from_running: true }, ...bad, code: 'name_conflict', field: 'name' },
    { verb: 'fork', input: { id: web, name: 'copy', target_state: 'Paused' }, ...bad, field: 'target_state' },
    { verb: 'fork', input: { id: web, name: 'copy', from_running: 'yes' }, ...bad, field: 'from_running' },
    { verb: 'fork', input: { id: web, name: 'copy', snapshot: 'before' }, ...gone, field: 'snapshot' },
    { verb: 'fork', input: { id: web, name: 'copy' }, ...unfit },
    { verb: 'fork', input: { id: db, name: 'copy', target_state: 'Standby' }, ...unfit },
  ];
}

/** What history and logs can be asked that is wrong: fields beside the id, and the one at fault. */
function badReads(id: string): BadRequest[] {
  const asked = [
    ['history', { order: 'random' }, 'order'],
    ['history', { limit: 201 }, 'limit'],
    ['history', { since: 'yesterday' }, 'since'],
    ['history', { until: '2026-13-01T00:00:00Z' }, 'until'],
    ['history', { type: 'restart.begun' }, 'type'],
    ['history', { type: 'rest' }, 'type'],
    ['history', { type: '.' }, 'type'],
    ['history', { actor: '' }, 'actor'],
    ['history', { via: 'telex' }, 'via'],
    ['history', { run: -1 }, 'run'],
    ['history', { since_when: '2h' }, 'since_when'],
    ['logs', { source: 'kernel' }, 'source'],
    ['logs', { tail: 10_001 }, 'tail'],
    ['logs', { run: 99 }, 'run'],
    ['logs', { run: 1, after: 'there' }, 'after'],
    ['logs', { after: '0' }, 'run'],
    ['logs', { lines: 5 }, 'lines'],
  ] as const;
  const refusal = { status: 400, code: 'invalid_request' };
  return asked.map(([verb, more, field]) => ({ verb, input: { id, ...more }, ...refusal, field }));
}

/** Bodies that are no request at all. */
export function badBodies(): { name: string; bytes: Uint8Array; status: number; code: string }[] {
  const text = (content: string): Uint8Array => new TextEncoder().encode(content);
  const bad = (name: string, bytes: Uint8Array) => ({ name, bytes, status: 400, code: 'invalid_request' });
  return [
    bad('half a JSON', text('{"name":')),
    bad('a list', text('[]')),
    bad('a number', text('7')),
    bad('null', text('null')),
    bad('bytes that are not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d)),
    bad('no body', text('')),
    bad(
      'deep nesting',
      text(`{"name":"new","image":"demo","restart_policy":${'['.repeat(9_999)}${']'.repeat(9_999)}}`),
    ),
    { name: 'too many bytes', bytes: text(`{"name":"${'x'.repeat(65_536)}"}`), status: 413, code: 'payload_too_large' },
  ].map((body) => (body.name === 'deep nesting' ? { ...body, code: 'invalid_restart_policy' } : body));
}
