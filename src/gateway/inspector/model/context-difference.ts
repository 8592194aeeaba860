/** What differs between the context of a record and that of the record before. */

export interface Difference {
  /** Dotted: `restart.attempts`. */
  readonly field: string;
  /** JSON or a time; null where there was nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Each field with its value as JSON, or as a time; arrays and what is empty count as one value. */
export function leavesOf(value: unknown, prefix = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
    return new Map([[prefix, shown(prefix, value)]]);
  }
  const within = Object.entries(value).flatMap(([name, part]) => [
    ...leavesOf(part, prefix === '' ? name : `${prefix}.${name}`),
  ]);
  return new Map(within);
}

/** Fields that hold an instant, as epoch ms: those are shown as times. */
const INSTANT_FIELD = /(^|[._])(at|since|until)$/;

function shown(field: string, value: unknown): string {
  if (typeof value === 'number' && value > 0 && INSTANT_FIELD.test(field)) return new Date(value).toISOString();
  return JSON.stringify(value);
}

export function differences(before: unknown, after: unknown): Difference[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const fields = [...new Set([...old.keys(), ...now.keys()])];
  return fields
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) => ({ field, before: old.get(field) ?? null, after: now.get(field) ?? null }));
}
