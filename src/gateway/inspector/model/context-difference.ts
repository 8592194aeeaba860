/** What differs between the context of a record and that of the record before. */

export interface Difference {
  /** Dotted: `restart.attempts`. */
  readonly field: string;
  /** JSON; null where there was nothing. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Each field with its value as JSON; arrays and what is empty count as one value. */
export function leavesOf(value: unknown, prefix = ''): Map<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
    return new Map([[prefix, JSON.stringify(value)]]);
  }
  const within = Object.entries(value).flatMap(([name, part]) => [
    ...leavesOf(part, prefix === '' ? name : `${prefix}.${name}`),
  ]);
  return new Map(within);
}

export function differences(before: unknown, after: unknown): Difference[] {
  const [old, now] = [leavesOf(before), leavesOf(after)];
  const fields = [...new Set([...old.keys(), ...now.keys()])];
  return fields
    .filter((field) => old.get(field) !== now.get(field))
    .map((field) => ({ field, before: old.get(field) ?? null, after: now.get(field) ?? null }));
}
