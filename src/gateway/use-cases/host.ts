import type { CommandTaker } from '../../actors/supervisor.ts';
import type { RecordFeed } from '../../projections/feed/record-feed.ts';
import type { Instances } from '../../projections/instances.ts';
import type { HostSections } from '../host-sections.ts';
import { checked } from '../requests/checked.ts';
import { hostStatusRequest } from '../requests/host.ts';
import type { HostUseCases, Reply } from './contract.ts';
import { eventsPage } from './events-page.ts';

/** The use cases about the host as a whole. */

export interface HostUseCaseOptions {
  readonly supervisor: Pick<CommandTaker, 'status' | 'resolve'>;
  readonly instances: Pick<Instances, 'position'>;
  readonly sections: HostSections;
  readonly feed: RecordFeed;
  readonly host: string;
  /** Version of this program. */
  readonly version: string;
}

/** What GET /v1/host shows: counts, and then every part of the daemon under its own name. */
export interface HostView {
  readonly host: string;
  readonly version: string;
  readonly instances: number;
  readonly [section: string]: unknown;
}

export function hostUseCases(options: HostUseCaseOptions): HostUseCases {
  const { supervisor, instances, sections, host, version } = options;
  const answer = (body: unknown): Reply => {
    return { status: 200, body, position: instances.position(), version: null, host };
  };
  return {
    status: async (input) => {
      checked(hostStatusRequest, input);
      const view: HostView = { ...sections.read(), host, version, instances: supervisor.status().instances };
      return answer(view);
    },
    events: async (input) => answer(await eventsPage(options, input)),
  };
}
