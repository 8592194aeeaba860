import { z } from 'zod';
import { NAME_PATTERN } from '../../../machines/definition.ts';
import { SNAPSHOT_NAME_PATTERN } from '../../../machines/events.ts';
import { NAME_WANTED } from './create.ts';
import { flag, idField, min_position, waitFields } from './target.ts';

/** Requests about snapshots and forks. */

/** Snapshots that a fork takes of its source, and drops again, have names that begin so. */
export const FORKING_PREFIX = 'forking-';

const CHOSEN_WANTED = `${NAME_WANTED}, and not begin with run-, scheduled- or ${FORKING_PREFIX}`;

const chosenName = z
  .string({ error: CHOSEN_WANTED })
  .regex(SNAPSHOT_NAME_PATTERN, { error: CHOSEN_WANTED })
  .refine((name) => !name.startsWith(FORKING_PREFIX), { error: CHOSEN_WANTED });
/** Of a snapshot that is there, whoever has named it. */
const knownName = z.string({ error: NAME_WANTED }).regex(NAME_PATTERN, { error: NAME_WANTED });

export const listSnapshotsRequest = z.strictObject({ id: idField, min_position });
export const createSnapshotRequest = z.strictObject({ id: idField, name: chosenName, ...waitFields });
export const deleteSnapshotRequest = z.strictObject({ id: idField, name: knownName, ...waitFields });
export const restoreSnapshotRequest = z.strictObject({
  id: idField,
  name: knownName,
  /** How it is left: running, or asleep. */
  then: z.enum(['running', 'standby']).default('running'),
  ...waitFields,
});

/** States that a fork can be left in. */
export const FORK_STATES = ['Stopped', 'Standby', 'Running'] as const;
export type ForkState = (typeof FORK_STATES)[number];

export const forkRequest = z.strictObject({
  id: idField,
  /** Of the new instance. */
  name: knownName,
  /** A named snapshot of the instance to begin with, instead of what it is now. */
  snapshot: knownName.optional(),
  /** A running guest is paused while its memory is copied: whoever wants that says so. */
  from_running: flag.default(false),
  /** That of the instance when absent; of a named snapshot, running. */
  target_state: z.enum(FORK_STATES).optional(),
  ...waitFields,
});
