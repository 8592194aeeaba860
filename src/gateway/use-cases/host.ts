import type { HostMode } from '../../../machines/events.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { CommandMeta, CommandTaker } from '../../actors/supervisor.ts';
import { chartStructure } from '../../projections/chart-structure.ts';
import type { ProjectionList, Projections } from '../../projections/engine/projections.ts';
import type { RecordFeed } from '../../projections/feed/record-feed.ts';
import type { InstanceReads } from '../../projections/instances.ts';
import { toRfc3339 } from '../../projections/instants.ts';
import type { HostSections } from '../host-sections.ts';
import { checked } from '../requests/checked.ts';
import { chartRequest, hostModeRequest, hostStatusRequest, rebuildRequest } from '../requests/host.ts';
import type { Caller, HostUseCases, Reply } from './contract.ts';
import { digestOf } from './digest.ts';
import { eventsPage } from './events-page.ts';

/** The use cases about the host as a whole. */

export interface HostUseCaseOptions {
  readonly supervisor: Pick<CommandTaker, 'status' | 'resolve' | 'mode' | 'setMode' | 'capacity'>;
  readonly instances: Pick<InstanceReads, 'position'>;
  readonly sections: HostSections;
  readonly feed: RecordFeed;
  /** Without them none can be rebuilt. */
  readonly projections?: Pick<Projections<ProjectionList>, 'status' | 'rebuild'>;
  readonly host: string;
  /** Version of this program. */
  readonly version: string;
}

/** What GET /v1/host shows: counts, and then every part of the daemon under its own name. */
export interface HostView {
  readonly host: string;
  readonly version: string;
  readonly mode: HostMode;
  readonly instances: number;
  readonly capacity: unknown;
  readonly [section: string]: unknown;
}

export function hostUseCases(options: HostUseCaseOptions): HostUseCases {
  const { supervisor, instances, sections, projections, host, version } = options;
  const answer = (body: unknown, status: Reply['status'] = 200): Reply => {
    return { status, body, position: instances.position(), version: null, host };
  };
  return {
    status: async (input) => {
      checked(hostStatusRequest, input);
      const view: HostView = {
        host,
        version,
        mode: supervisor.mode(),
        instances: supervisor.status().instances,
        capacity: capacityView(supervisor),
        ...sections.read(),
      };
      return answer(view);
    },
    chart: async (input) => {
      checked(chartRequest, input);
      return answer(chartStructure());
    },
    events: async (input) => answer(await eventsPage(options, input)),
    rebuild: async (input) => {
      const { projection } = checked(rebuildRequest, input);
      const known = Object.keys(projections?.status() ?? {});
      if (projections === undefined || !known.includes(projection)) {
        const message = `There is no projection ${projection}; there are ${known.join(', ')}.`;
        throw new StatevisorError('not_found', message, { field: 'projection' });
      }
      void projections.rebuild([projection]);
      return answer({ projection, rebuilding: true }, 202);
    },
    mode: async (input, caller) => {
      const { mode } = checked(hostModeRequest, input);
      const { record, position, untold } = await supervisor.setMode(mode, metaOf(input, caller));
      return { ...answer({ mode: record.state?.mode ?? mode, version: record.version, untold }), position };
    },
  };
}

/** Its digest differs from that of any command to an instance: one id is one command, whatever it is about. */
function metaOf(input: unknown, { actor, via, commandId, correlation, trace }: Caller): CommandMeta {
  const digest = commandId === undefined ? undefined : digestOf('host mode', input);
  return { actor, via, commandId, digest, correlation, trace };
}

/** Times for people; who is held shows what it waits for. */
function capacityView(supervisor: Pick<CommandTaker, 'capacity'>): unknown {
  const { held, ...uses } = supervisor.capacity();
  return { ...uses, held: held.map((one) => ({ ...one, retry_at: toRfc3339(one.retry_at) })) };
}
