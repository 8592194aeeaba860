/** Instants as every view writes them: RFC 3339, UTC. */

/** Instants whose text is kept: an instance shows the same ones from record to record, and writing them is dear. */
const INSTANTS_KEPT = 4_096;
const instants = new Map<number, string>();

export function toRfc3339(epochMs: number): string {
  const kept = instants.get(epochMs);
  if (kept !== undefined) return kept;
  const text = new Date(epochMs).toISOString();
  if (instants.size >= INSTANTS_KEPT) instants.clear();
  instants.set(epochMs, text);
  return text;
}

export function nullableInstant(epochMs: number | null): string | null {
  return epochMs === null ? null : toRfc3339(epochMs);
}
