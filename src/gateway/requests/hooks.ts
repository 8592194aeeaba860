import { z } from 'zod';
import { NAME_PATTERN } from '../../../machines/definition.ts';

const WANTED = 'must be the name of a hook: 1 to 63 lower-case letters, digits or dashes, without a dash at its ends';
const hookName = z.string({ error: WANTED }).regex(NAME_PATTERN, { error: WANTED }).optional();

/** Names of hooks by moment; one that names none is none. Whether the host has them shows when they are run. */
export const hooksRequest = z
  .strictObject({ before_stop: hookName, before_standby: hookName })
  .nullable()
  .transform((hooks) => (hooks === null || Object.values(hooks).every((name) => name === undefined) ? null : hooks));
