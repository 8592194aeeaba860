import { type Phase, PUBLIC_STATES, type PublicState } from '../../machines/public-states.ts';
import type { InstanceRecord } from '../../machines/record.ts';
import { firstAfter } from './engine/ordered-keys.ts';
import type { Projection, Recorded, Rows } from './engine/projection.ts';
import { RowTable } from './engine/row-table.ts';
import { HEALTH_STATUSES, type HealthStatus } from './health-view.ts';
import { type InstanceView, instanceView } from './instance-view.ts';

/** The read model behind GET and list: the newest view of every instance that is not deleted. */

export interface InstanceChange {
  readonly view: InstanceView;
  readonly record: InstanceRecord;
  readonly position: string;
  /** The instance is gone with this record. */
  readonly deleted: boolean;
}

/** Which of the instances are wanted, in the order of creation. */
export interface PageRequest {
  /** Id after which the page begins; '' for the first one. */
  readonly after: string;
  readonly limit: number;
  readonly state?: PublicState;
}

export interface InstanceReads {
  get(id: string): InstanceView | undefined;
  /** In the order of creation. */
  list(): InstanceView[];
  /** `more`: there are others behind the last one. */
  page(request: PageRequest): { readonly views: InstanceView[]; readonly more: boolean };
  /** The view as JSON without its closing brace, so that more fields can follow. It is kept until the next change. */
  openTextOf(id: string): string | undefined;
  /** How many instances are in each public state, each phase, and each state of health. */
  tally(): Tally;
  /** Hears of every change from now on. Returns the way to stop. */
  watch(listener: (change: InstanceChange) => void): () => void;
  /** The newest position taken in; '' before the first. */
  position(): string;
}

export interface Tally {
  readonly states: ReadonlyMap<PublicState, number>;
  readonly phases: ReadonlyMap<Phase, number>;
  readonly health: ReadonlyMap<HealthStatus, number>;
}

export interface Instances extends InstanceReads {
  /** Takes one record, in the order of its stream; called before the command behind it is answered. */
  apply(recorded: Recorded): void;
}

interface InstanceRow {
  readonly view: InstanceView;
  /** Its text, once somebody has asked for it. */
  openText?: string;
}

export const instancesProjection: Projection<InstanceRow, InstanceReads> = {
  name: 'instances',
  version: 1,
  start: 'heads',
  fold: (_, { record, definition }) => {
    const view = instanceView(record, definition);
    return view.phase === 'deleted' ? undefined : { view };
  },
  publish: instanceReads,
};

/** The projection on its own, fed by whoever has it: for doors over a runtime without the other projections. */
export function createInstances(): Instances {
  const table = new RowTable(instancesProjection, true);
  const rethrow = (error: unknown): never => {
    throw error;
  };
  return { ...instanceReads(table), apply: (recorded) => table.take(recorded, rethrow) };
}

function instanceReads(rows: Rows<InstanceRow>): InstanceReads {
  return {
    get: (id) => rows.get(id)?.view,
    list: () => rows.keys().map((id) => rows.get(id)!.view),
    page: (request) => pageOf(rows, request),
    openTextOf: (id) => {
      const row = rows.get(id);
      if (row === undefined) return undefined;
      row.openText ??= JSON.stringify(row.view).slice(0, -1);
      return row.openText;
    },
    tally: () => {
      const states = new Map<PublicState, number>(PUBLIC_STATES.map((state) => [state, 0]));
      const phases = new Map<Phase, number>();
      const health = new Map<HealthStatus, number>(HEALTH_STATUSES.map((status) => [status, 0]));
      for (const { view } of rows.values()) {
        const { state, phase } = view;
        const { status } = view.health_status;
        health.set(status, (health.get(status) ?? 0) + 1);
        states.set(state, (states.get(state) ?? 0) + 1);
        phases.set(phase, (phases.get(phase) ?? 0) + 1);
      }
      return { states, phases, health };
    },
    watch: (listener) =>
      rows.watch(({ record, definition, position }, row) => {
        const view = row?.view ?? instanceView(record, definition);
        listener({ view, record, position, deleted: row === undefined });
      }),
    position: () => rows.position(),
  };
}

function pageOf(rows: Rows<InstanceRow>, { after, limit, state }: PageRequest): ReturnType<InstanceReads['page']> {
  const keys = rows.keys();
  const views: InstanceView[] = [];
  for (let index = firstAfter(keys, after); index < keys.length; index++) {
    const { view } = rows.get(keys[index]!)!;
    if (state !== undefined && view.state !== state) continue;
    if (views.length === limit) return { views, more: true };
    views.push(view);
  }
  return { views, more: false };
}
