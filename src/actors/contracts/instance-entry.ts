import type { InstanceRecord } from '../../../machines/record.ts';

/** What an entry of the log says when it belongs to an instance. */

/** Streams of instances are ULIDs; anything else in the log (the host's own stream) is not an instance. */
export const INSTANCE_STREAM = /^[0-9a-z]{26}$/;

/** Trusts the bytes: the log has kept them and their hash. Throws on text that is not a record at all. */
export function parseRecord(bytes: string): InstanceRecord {
  const record = JSON.parse(bytes) as InstanceRecord;
  if (typeof record.stream !== 'string' || typeof record.version !== 'number' || record.state === undefined) {
    throw new Error('This entry of the log is not a record of an instance.');
  }
  return record;
}
