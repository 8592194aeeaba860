import type { FastifyRequest } from 'fastify';
import { formatDuration } from '../../../machines/duration.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { LIST_LIMIT_MAX } from '../requests/target.ts';
import type { Caller, Reply, UseCases } from '../use-cases/contract.ts';
import type { ListedSnapshot, SnapshotList } from '../use-cases/snapshots.ts';
import { COMPATIBLE_WAIT_MS, requireReached, settledInput } from './compatible-answers.ts';
import { type HttpAnswer, type HttpRoute, inputOf } from './routes.ts';

/**
 * Snapshots and forks as hypeman's own client asks for them. There a snapshot has an id of its own; here it is a name
 * within its instance, so that its id is both of them: INSTANCE.NAME.
 */

type Fields = Readonly<Record<string, unknown>>;

export interface CompatibleSnapshot {
  readonly id: string;
  readonly name: string;
  readonly kind: 'Standby';
  readonly created_at: string;
  readonly size_bytes: number;
  readonly source_hypervisor: string | null;
  readonly source_instance_id: string;
  readonly source_instance_name: string;
}

const ONE = '/instances/:id';
const WAIT = formatDuration(COMPATIBLE_WAIT_MS);

export function compatibleSnapshotRoutes(useCases: UseCases): HttpRoute[] {
  const route = (method: HttpRoute['method'], path: string, act: Act): HttpRoute => {
    return { method, path, answer: (request, caller) => act(useCases, inputOf(request), caller, request) };
  };
  return [
    route('POST', `${ONE}/fork`, (_, input, caller) => useCases.fork({ ...settledInput(input), wait: WAIT }, caller)),
    route('POST', `${ONE}/snapshots`, create),
    route('POST', `${ONE}/snapshots/:snapshot/restore`, restore),
    route('GET', '/snapshots', list),
    route('GET', '/snapshots/:snapshot', async (_, input, caller) => {
      const { reply, shown } = await find(useCases, input, caller);
      return { ...reply, body: shown };
    }),
    route('DELETE', '/snapshots/:snapshot', remove),
    route('POST', '/snapshots/:snapshot/fork', (_, { snapshot, ...input }, caller) => {
      const [id, name] = placeOf(String(snapshot));
      return useCases.fork({ ...settledInput(input), id, snapshot: name, wait: WAIT }, caller);
    }),
  ];
}

type Act = (useCases: UseCases, input: Fields, caller: Caller, request: FastifyRequest) => Promise<HttpAnswer>;

const create: Act = async (useCases, given, caller) => {
  const { kind, name: chosen, ...input } = settledInput(given);
  const { id } = input;
  if (kind !== 'Standby') throw refusedKind(kind);
  const before = await snapshotsOf(useCases, id, caller);
  const name = chosen ?? freeName(before.list);
  const made = await useCases.create_snapshot({ ...input, name, wait: WAIT }, caller);
  const reply = requireReached('create_snapshot', made);
  const { list } = await snapshotsOf(useCases, id, caller);
  const found = list.snapshots.find((snapshot) => snapshot.name === name);
  if (found === undefined) throw noSnapshot(String(name));
  return { ...reply, status: 201, body: shownAs(found, list, reply.body as InstanceView) };
};

const restore: Act = async (useCases, given, caller) => {
  const { snapshot, target_state = 'Running', ...input } = settledInput(given);
  const name = await nameWithin(useCases, String(snapshot), input, caller);
  if (target_state !== 'Running' && target_state !== 'Standby') throw refusedTarget(target_state);
  const then = target_state === 'Running' ? 'running' : 'standby';
  const reply = await useCases.restore_snapshot({ ...input, name, then, wait: WAIT }, caller);
  return { ...requireReached('restore_snapshot', reply), status: 200 };
};

/**
 * Both the id that this door shows and the name alone are understood. Every instance may have a snapshot of that name,
 * so an id that is of another one is not taken for it.
 */
async function nameWithin(useCases: UseCases, text: string, { id }: Fields, caller: Caller): Promise<string> {
  const [owner, name] = text.split('.');
  if (name === undefined) return text;
  const view = (await useCases.get({ id }, caller)).body as InstanceView;
  if (owner !== view.id && owner !== view.name) throw noSnapshot(text);
  return name;
}

const remove: Act = async (useCases, { snapshot, ...rest }, caller) => {
  const [id, name] = placeOf(String(snapshot));
  const reply = await useCases.delete_snapshot({ ...settledInput(rest), id, name, wait: WAIT }, caller);
  return { ...requireReached('delete_snapshot', reply), status: 204, body: null };
};

const FILTERS = ['source_instance_id', 'name', 'kind'];

const list: Act = async (useCases, input, caller) => {
  const unknown = Object.keys(input).find((field) => !FILTERS.includes(field));
  if (unknown !== undefined) {
    const message = `${unknown} is not a field that is known here.`;
    throw new StatevisorError('invalid_request', message, { field: unknown });
  }
  const shown: CompatibleSnapshot[] = [];
  for (let after: string | null = ''; ; ) {
    const reply: Reply = await useCases.list({ limit: LIST_LIMIT_MAX, after }, caller);
    const { instances, next } = reply.body as { instances: InstanceView[]; next: string | null };
    for (const view of instances) {
      if (view.snapshots === undefined || !isAsked(input.source_instance_id, view.id)) continue;
      const { list: of } = await snapshotsOf(useCases, view.id, caller);
      shown.push(...of.snapshots.map((snapshot) => shownAs(snapshot, of, view)));
    }
    after = next;
    if (after !== null) continue;
    const body = shown.filter(({ name, kind }) => isAsked(input.name, name) && isAsked(input.kind, kind));
    const { status, position, version, host } = reply;
    return { status, position, version, host, body };
  }
};

function isAsked(wanted: unknown, value: string): boolean {
  return wanted === undefined || wanted === value;
}

async function find(
  useCases: UseCases,
  input: Fields,
  caller: Caller,
): Promise<{ reply: Reply; shown: CompatibleSnapshot }> {
  const [id, name] = placeOf(String(input.snapshot));
  const view = (await useCases.get({ id }, caller)).body as InstanceView;
  const { reply, list: of } = await snapshotsOf(useCases, id, caller);
  const found = of.snapshots.find((snapshot) => snapshot.name === name);
  if (found === undefined) throw noSnapshot(String(input.snapshot));
  return { reply, shown: shownAs(found, of, view) };
}

async function snapshotsOf(
  useCases: UseCases,
  id: unknown,
  caller: Caller,
): Promise<{ reply: Reply; list: SnapshotList }> {
  const reply = await useCases.list_snapshots({ id }, caller);
  return { reply, list: reply.body as SnapshotList };
}

function shownAs(
  { name, taken_at, size_bytes }: ListedSnapshot,
  { hypervisor }: SnapshotList,
  { id, name: instance }: InstanceView,
): CompatibleSnapshot {
  return {
    id: `${id}.${name}`,
    name,
    kind: 'Standby',
    created_at: taken_at,
    size_bytes: size_bytes ?? 0,
    source_hypervisor: hypervisor,
    source_instance_id: id,
    source_instance_name: instance,
  };
}

function placeOf(text: string): [id: string, name: string] {
  const [id, name] = text.split('.');
  if (id === undefined || name === undefined) throw noSnapshot(text);
  return [id, name];
}

/** `snapshot-1`, `snapshot-2`, ...: the first that is free. */
function freeName({ snapshots }: SnapshotList): string {
  const taken = new Set(snapshots.map(({ name }) => name));
  for (let number = 1; ; number++) if (!taken.has(`snapshot-${number}`)) return `snapshot-${number}`;
}

function noSnapshot(text: string): StatevisorError {
  return new StatevisorError('snapshot_not_found', `There is no snapshot ${text}.`, { field: 'snapshot' });
}

function refusedKind(kind: unknown): StatevisorError {
  if (kind !== 'Stopped') {
    return new StatevisorError('invalid_request', 'kind must be one of Standby, Stopped.', { field: 'kind' });
  }
  const message = 'kind Stopped is not supported: a snapshot here is the memory of a guest, and its disk is its image.';
  return new StatevisorError('not_supported', message, { field: 'kind' });
}

function refusedTarget(target: unknown): StatevisorError {
  const field = 'target_state';
  if (target !== 'Stopped') {
    return new StatevisorError('invalid_request', `${field} must be one of Running, Standby, Stopped.`, { field });
  }
  const message = `${field} Stopped is not supported: a guest that is to be stopped has no use for a snapshot.`;
  return new StatevisorError('not_supported', message, { field });
}
