import type { ZodType } from 'zod';
import type { HostVerb, Verb } from '../use-cases/contract.ts';
import { createRequest } from './create.ts';
import { chartRequest, hostModeRequest, hostStatusRequest, rebuildRequest } from './host.ts';
import { eventsRequest, historyRequest, logsRequest } from './records.ts';
import {
  createSnapshotRequest,
  deleteSnapshotRequest,
  forkRequest,
  listSnapshotsRequest,
  restoreSnapshotRequest,
} from './snapshots.ts';
import {
  getRequest,
  holdRequest,
  listRequest,
  plainRequest,
  stopRequest,
  timelineRequest,
  waitRequest,
} from './target.ts';
import { updateRequest } from './update.ts';

/** What each verb takes: doors that describe themselves show these. */
export const REQUEST_SCHEMAS: Readonly<Record<Verb, ZodType>> = {
  create: createRequest,
  get: getRequest,
  list: listRequest,
  update: updateRequest,
  start: plainRequest,
  stop: stopRequest,
  restart: plainRequest,
  standby: plainRequest,
  restore: plainRequest,
  hold: holdRequest,
  delete: plainRequest,
  wait: waitRequest,
  history: historyRequest,
  logs: logsRequest,
  ignore: plainRequest,
  cancel_restart: plainRequest,
  reset_restart: plainRequest,
  timeline: timelineRequest,
  auto_standby_status: getRequest,
  list_snapshots: listSnapshotsRequest,
  create_snapshot: createSnapshotRequest,
  delete_snapshot: deleteSnapshotRequest,
  restore_snapshot: restoreSnapshotRequest,
  fork: forkRequest,
};

export const HOST_REQUEST_SCHEMAS: Readonly<Record<HostVerb, ZodType>> = {
  status: hostStatusRequest,
  chart: chartRequest,
  events: eventsRequest,
  rebuild: rebuildRequest,
  mode: hostModeRequest,
};
