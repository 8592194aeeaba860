import { z } from 'zod';
import { hostModeSchema } from '../../../machines/events.ts';

/** Requests about the host as a whole. */

export const hostStatusRequest = z.strictObject({});
export const chartRequest = z.strictObject({});
export const hostModeRequest = z.strictObject({ mode: hostModeSchema });

/** Characters of a projection's name. */
const PROJECTION_MAX = 63;

export const rebuildRequest = z.strictObject({ projection: z.string().min(1).max(PROJECTION_MAX) });
