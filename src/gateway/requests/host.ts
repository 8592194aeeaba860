import { z } from 'zod';

/** Requests about the host as a whole. */

export const hostStatusRequest = z.strictObject({});
