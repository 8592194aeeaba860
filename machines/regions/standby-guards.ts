import { asleepUntil, type Moment } from '../setup.ts';

/** What the standby region asks of its policy and of what it remembers. */

export const enabled = ({ context }: Moment): boolean => context.definition?.auto_standby?.enabled === true;
export const touchesPolicy = ({ event }: Moment): boolean =>
  event.type === 'definition.changed' && event.parts.includes('auto_standby');
export const networked = ({ context }: Moment): boolean => context.definition?.network.enabled === true;
export const observerLost = ({ context }: Moment): boolean => context.standby.observer === 'lost';
export const isReady = ({ event }: Moment): boolean => event.type === 'definition.changed' && event.up;
/** Of a run that ends: a hold, or why it was being put away. */
export const leftSomething = ({ context: { standby } }: Moment): boolean =>
  standby.hold_until !== null || standby.request !== null || standby.awake_since !== null;
/** It does not wake right now, and nothing takes the place of what it sleeps in: that may be on its way for long. */
const sleeps = ({ context: { run, snapshot_work } }: Moment): boolean =>
  run.ended && (snapshot_work?.then ?? null) === null;
/** It sleeps under a policy that lets it do so only for so long. */
export const limited = (moment: Moment): boolean => sleeps(moment) && asleepUntil(moment.context) !== null;

/** The guest is up and a new policy wants its traffic watched. */
export const mayTrack = (moment: Moment): boolean =>
  touchesPolicy(moment) && isReady(moment) && enabled(moment) && networked(moment);
