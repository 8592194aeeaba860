import { createHash } from 'node:crypto';
import type { Definition } from '../../../machines/definition.ts';
import { StatevisorError } from '../../actors/errors.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import { FORKING_PREFIX, type ForkState } from '../requests/snapshots.ts';

/** What a fork takes over from its source, and what it does not. */

const DIGEST_CHARS = 24;

/** The same for the same fork, so that whoever repeats one after a crash finds what the first one left. */
export function forkingName(source: string, name: string): string {
  const digest = createHash('sha256').update(`${source}/${name}`).digest('hex');
  return `${FORKING_PREFIX}${digest.slice(0, DIGEST_CHARS)}`;
}

/**
 * The policies and the size of the source under a name, ports and an address of its own. An expiry is not taken over: it
 * was a promise about the source.
 */
export function forkedDefinition(source: Definition, name: string): Definition {
  const { network } = source;
  const own: Definition['network'] =
    network.mode === 'bridge'
      ? { ...network, address: null, mac: null }
      : { ...network, ports: network.ports.map(({ guest_port }) => ({ guest_port, host_port: 0 })) };
  return { ...source, name, network: own, expiry: null };
}

export interface ForkWish {
  readonly name: string;
  readonly snapshot?: string | undefined;
  readonly from_running: boolean;
  readonly target_state?: ForkState | undefined;
}

/** What the fork begins with (`taken`: a snapshot of the source as it is now), and the state it is to be left in. */
export interface ForkPlan {
  readonly memory: 'none' | 'taken' | 'named';
  readonly target: ForkState;
}

/** Whether a snapshot can be taken of it is up to the source's chart; here it is only about what was asked for. */
export function forkPlan(source: InstanceView, { snapshot, from_running, target_state }: ForkWish): ForkPlan {
  if (snapshot !== undefined) {
    if (source.snapshots?.some(({ name }) => name === snapshot) !== true) {
      const message = `${source.name} has no snapshot ${snapshot}.`;
      throw new StatevisorError('snapshot_not_found', message, { field: 'snapshot' });
    }
    const target = target_state ?? 'Running';
    return { memory: target === 'Stopped' ? 'none' : 'named', target };
  }
  if (source.state === 'Stopped') {
    const target = target_state ?? 'Stopped';
    if (target === 'Standby') throw refused(source, 'a stopped instance has no memory that its fork could sleep with');
    return { memory: 'none', target };
  }
  if (source.state === 'Running' && !from_running) {
    throw refused(source, 'a running guest is paused while it is copied; allow it with from_running (--from-running)');
  }
  const target = target_state ?? (source.state === 'Standby' ? 'Standby' : 'Running');
  return { memory: target === 'Stopped' ? 'none' : 'taken', target };
}

function refused({ name, state, phase }: InstanceView, because: string): StatevisorError {
  return new StatevisorError('invalid_state', `${name} is ${state}: ${because}.`, {
    details: { command: 'fork', state, phase, accepts: ['Running with from_running', 'Standby', 'Stopped'] },
  });
}
