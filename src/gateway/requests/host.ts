import { z } from 'zod';

/** Requests about the host as a whole. */

export const hostStatusRequest = z.strictObject({});

/** Characters of a projection's name. */
const PROJECTION_MAX = 63;

export const rebuildRequest = z.strictObject({ projection: z.string().min(1).max(PROJECTION_MAX) });
