import { batch, computed, signal } from '@preact/signals';
import type { InstanceRecord } from '../../../../machines/record.ts';
import type { InstanceView } from '../../../projections/instance-view.ts';
import { FLEET_ROWS_MAX, type FleetRow, fits, rowOfRecord, rowOfView } from '../model/fleet-row.ts';
import { beforeNextPicture } from './browser-clock.ts';
import { ask } from './daemon.ts';
import { type Connection, followFeed } from './feed.ts';

/** All instances of the host, one line each, kept current. Nothing else of them is held. */

const PAGE = 500;
export const connection = signal<Connection>('connecting');
/** In the order of names. */
export const rows = signal<readonly FleetRow[]>([]);
export const isLoaded = signal(false);
export const isCut = signal(false);
export const filter = signal('');
export const shownRows = computed(() => {
  const wanted = filter.value;
  return wanted === '' ? rows.value : rows.value.filter((row) => fits(row, wanted));
});

const byId = new Map<string, FleetRow>();
let isDirty = false;
const listeners = new Set<RecordListener>();

export interface RecordListener {
  /** Every record of any instance, as it comes. */
  record(record: InstanceRecord): void;
  /** Stock was taken: records may have come that nobody was told of. */
  begin(): void;
}

/** Until the answer is called. */
export function listenToRecords(listener: RecordListener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Until the answer is called: the session has another token then, or none. */
export function followFleet(): () => void {
  const gone = new AbortController();
  connection.value = 'connecting';
  const listener = {
    begin: () => takeStock(gone.signal),
    record: takeRecord,
    connection: (state: Connection): void => {
      connection.value = state;
    },
  };
  void followFeed(listener, gone.signal);
  return () => {
    gone.abort();
    forget();
  };
}

/** What one token has shown is nothing for whoever comes with the next one, or with none. */
function forget(): void {
  byId.clear();
  batch(() => {
    rows.value = [];
    isCut.value = false;
    isLoaded.value = false;
    filter.value = '';
  });
}

/** Of the position of the first page on: what later pages tell besides is newer, and versions sort that out. */
async function takeStock(gone: AbortSignal): Promise<string> {
  const found = new Map<string, FleetRow>();
  let [from, after, isMore] = ['', '', true];
  while (isMore && found.size < FLEET_ROWS_MAX) {
    const { body, position } = await ask<{ instances: InstanceView[]; next: string | null }>(
      `/v1/instances?limit=${PAGE}&after=${after}`,
    );
    gone.throwIfAborted();
    from ||= position;
    for (const view of body.instances) found.set(view.id, rowOfView(view));
    isMore = body.next !== null;
    after = body.next ?? '';
  }
  byId.clear();
  for (const [id, row] of found) byId.set(id, row);
  batch(() => {
    isCut.value = isMore;
    isLoaded.value = true;
  });
  publishSoon();
  for (const listener of listeners) listener.begin();
  return from;
}

function takeRecord(record: InstanceRecord): void {
  // Records of the host itself are among them; they are about no instance.
  if (record.state?.value === undefined || record.stream === 'host') return;
  const known = byId.get(record.stream);
  if (known === undefined || known.version < record.version) put(record, known);
  for (const listener of listeners) listener.record(record);
}

function put(record: InstanceRecord, known: FleetRow | undefined): void {
  const row = rowOfRecord(record, known?.name ?? record.stream);
  if (row === null) byId.delete(record.stream);
  else if (known !== undefined || byId.size < FLEET_ROWS_MAX) byId.set(row.id, row);
  else isCut.value = true;
  publishSoon();
}

/** Many records in one moment make one new picture. */
function publishSoon(): void {
  if (isDirty) return;
  isDirty = true;
  beforeNextPicture(() => {
    isDirty = false;
    rows.value = [...byId.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  });
}
