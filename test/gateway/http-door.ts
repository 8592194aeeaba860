import { seededRandom, systemClock } from '../../src/actors/clock.ts';
import { createHostSections } from '../../src/gateway/host-sections.ts';
import { createHttpGateway } from '../../src/gateway/http/http-gateway.ts';
import { createHostUseCases } from '../../src/gateway/use-cases/use-cases.ts';
import { type Door, type DoorAnswer, GRANTS, type Sending, TOKENS } from '../contracts/door.world.ts';
import { HOST, type Scene } from './gateway-scene.ts';

interface Spoken {
  readonly method: string;
  /** What of the input stands in the path is `:FIELD` here. */
  readonly suffix: string;
}

/** How each verb is said over HTTP; a verb that is not here is posted to the instance. */
const METHODS: Readonly<Record<string, Spoken>> = {
  create: { method: 'POST', suffix: '' },
  list: { method: 'GET', suffix: '' },
  get: { method: 'GET', suffix: '' },
  update: { method: 'PATCH', suffix: '' },
  delete: { method: 'DELETE', suffix: '' },
  wait: { method: 'GET', suffix: '/wait' },
  history: { method: 'GET', suffix: '/history' },
  logs: { method: 'GET', suffix: '/logs' },
  cancel_restart: { method: 'POST', suffix: '/restart/cancel' },
  reset_restart: { method: 'POST', suffix: '/restart/reset' },
  auto_standby_status: { method: 'GET', suffix: '/auto-standby/status' },
  list_snapshots: { method: 'GET', suffix: '/snapshots' },
  create_snapshot: { method: 'POST', suffix: '/snapshots' },
  delete_snapshot: { method: 'DELETE', suffix: '/snapshots/:name' },
  restore_snapshot: { method: 'POST', suffix: '/snapshots/:name/restore' },
};

export interface HttpDoor extends Door {
  readonly url: string;
}

/** The HTTP door over a real socket on a free port. */
export async function openHttpDoor(scene: Scene): Promise<HttpDoor> {
  const gateway = await createHttpGateway({
    useCases: scene.useCases,
    hostUseCases: createHostUseCases({ ...scene, sections: createHostSections(), host: HOST, version: '1.2.3' }),
    streams: scene.streams,
    tokens: GRANTS,
    listen: { host: '127.0.0.1', port: 0 },
    clock: systemClock(),
    random: seededRandom(11, scene.clock),
  });
  const base = `${gateway.url}/v1/instances`;
  return {
    url: gateway.url,
    send: (verb, { id, ...input }, how) => {
      const known = Object.hasOwn(METHODS, verb) ? METHODS[verb] : undefined;
      const { method, suffix } = known ?? { method: 'POST', suffix: `/${verb}` };
      const { name, ...others } = input;
      const isNamed = suffix.includes(':name');
      const rest = isNamed ? others : input;
      const path = suffix.replace(':name', encodeURIComponent(String(name)));
      const target = `${base}${id === undefined ? '' : `/${String(id)}`}${path}`;
      if (method !== 'GET') return ask(target, { method, body: JSON.stringify(rest) }, how);
      const query = new URLSearchParams(Object.entries(rest).map(([key, value]) => [key, String(value)]));
      return ask(`${target}?${query.toString()}`, { method }, how);
    },
    sendBytes: (bytes, how) => ask(base, { method: 'POST', body: new Uint8Array(bytes) }, how),
    close: () => gateway.close(),
  };
}

async function ask(
  url: string,
  init: { method: string; body?: string | Uint8Array<ArrayBuffer> },
  how: Sending = {},
): Promise<DoorAnswer> {
  const token = how.token === undefined ? TOKENS.operator : how.token;
  const response = await fetch(url, {
    method: init.method,
    body: init.body,
    headers: {
      accept: 'application/json',
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(how.commandId === undefined ? {} : { 'idempotency-key': how.commandId }),
      ...(how.correlation === undefined ? {} : { 'x-request-id': how.correlation }),
      ...(how.trace === undefined ? {} : { traceparent: how.trace }),
    },
  });
  const { headers } = response;
  return {
    status: response.status,
    body: await response.json(),
    host: headers.get('statevisor-host'),
    position: headers.get('statevisor-position'),
    version: headers.get('statevisor-version'),
    outcome: headers.get('statevisor-outcome'),
    correlation: headers.get('x-request-id'),
  };
}
