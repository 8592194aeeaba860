/**
 * Named moments at which tests stop, hold or kill the runtime. Production passes none, and then nothing is awaited and
 * nothing can be reached.
 */
export const FAULT_POINTS = [
  'decided',
  'appended',
  'published',
  'acknowledged',
  'effect_begun',
  'effect_done',
  'result_appended',
  'timer_due',
  'recovered',
] as const;
export type FaultPoint = (typeof FAULT_POINTS)[number];

export interface FaultMoment {
  readonly instance: string;
  /** Type of the event, or kind of the effect, at hand. */
  readonly subject: string;
}

/** Called at each point; a promise holds the runtime there until it resolves. */
export type FaultInjector = (point: FaultPoint, moment: FaultMoment) => Promise<void> | undefined;
