import { z } from 'zod';
import { FAULT_POINTS, type FaultPoint } from '../../src/actors/fault-points.ts';

/** What a daemon under test does to itself, told by its environment: nothing of this exists in production. */

const momentSchema = z.strictObject({
  point: z.enum(FAULT_POINTS),
  /** Type of the event or kind of the effect; null for any. */
  subject: z.string().nullable(),
  /** 1: the first time it is reached in the life of the process. */
  nth: z.int().positive(),
});

export const faultPlanSchema = z.strictObject({
  /** SIGKILL to itself at this moment. */
  kill: momentSchema.nullable(),
  /** Waits there until the file `release` exists. */
  hold: momentSchema.extend({ release: z.string() }).nullable(),
  /** A file that gets one line `reach|kill|hold POINT SUBJECT INSTANCE` for each; null: nothing is noted. */
  notes: z.string().nullable(),
});
export type FaultPlan = z.infer<typeof faultPlanSchema>;

export const PLAN_VARIABLE = 'STATEVISOR_TEST_FAULT_PLAN';
export const NO_FAULTS: FaultPlan = { kill: null, hold: null, notes: null };

export interface Note {
  readonly what: 'reach' | 'kill' | 'hold';
  readonly point: FaultPoint;
  readonly subject: string;
  readonly instance: string;
}

export function noteLine({ what, point, subject, instance }: Note): string {
  return `${what} ${point} ${subject} ${instance}\n`;
}

/** Lines of the notes' file; a line cut short by a kill is left out. */
export function parseNotes(text: string): Note[] {
  return text.split('\n').flatMap((line) => {
    const [what, point, subject, instance] = line.split(' ');
    const known = FAULT_POINTS.find((one) => one === point);
    if (known === undefined || subject === undefined || instance === undefined) return [];
    return what === 'reach' || what === 'kill' || what === 'hold' ? [{ what, point: known, subject, instance }] : [];
  });
}
