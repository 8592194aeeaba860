import type { Clock } from '../../actors/contracts/clock.ts';
import type { InstanceView } from '../../projections/instance-view.ts';
import type { Daemon } from '../daemon/daemon.ts';
import { createHello, followBoot, HELLO } from './hello.ts';
import { type Progress, progressOn } from './progress.ts';
import { type DataPlace, tookOver, whereToLook } from './texts.ts';

export interface FirstMinutes {
  readonly daemon: Daemon;
  readonly clock: Clock;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
  /** Make the instance `hello` if nothing was ever recorded, and say where to look. */
  readonly hello: boolean;
  readonly place: DataPlace;
  readonly progress?: Progress;
}

/** With more instances than that, waiting until all of them are quiet would take from their work. */
export const NAMED_MAX = 256;

/** What a person sees once the daemon is ready. Ends early when the daemon is to end. */
export async function firstMinutes(given: FirstMinutes): Promise<void> {
  const { daemon, clock, say, signal, progress = progressOn(process.stdout) } = given;
  // Nothing was recorded before this start: there is nobody to take over, and `hello` may be made.
  const isFresh = daemon.position() === '';
  if (!isFresh) await sayWhatRanOn(daemon, say);
  if (!given.hello || signal.aborted) return;
  const doors = { useCases: daemon.useCases, clock, say, progress, signal };
  if (isFresh && (await createHello(doors)) !== null) await followBoot(doors);
  if (signal.aborted) return;
  const isSimulated = daemon.hypervisor === 'simulator';
  for (const line of whereToLook(await helloOf(daemon, signal), isSimulated, given.place)) say(line);
}

/** Once every instance has been told what became of its VM, so that none is named that has ended meanwhile. */
async function sayWhatRanOn(daemon: Daemon, say: (line: string) => void): Promise<void> {
  const { instances } = daemon.supervisor.status();
  if (instances > NAMED_MAX) return say(`Looking after ${instances} instances.`);
  await daemon.supervisor.quiet();
  for (const line of tookOver(daemon.namesWhere(({ state }) => state === 'Running' || state === 'Paused'))) say(line);
}

async function helloOf({ useCases }: Daemon, signal: AbortSignal): Promise<InstanceView | null> {
  try {
    const caller = { actor: 'start', via: 'system', scopes: ['read'], signal } as const;
    return (await useCases.get({ id: HELLO }, caller)).body as InstanceView;
  } catch {
    return null;
  }
}
