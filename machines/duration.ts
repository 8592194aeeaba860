/** Durations as people write them (`300ms`, `5s`, `1h30m`) and as the chart keeps them: whole milliseconds. */

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/y;

/**
 * Milliseconds of a duration text, or null when it is not one. A sign is understood (range rules refuse it later);
 * anything below a millisecond but above zero counts as one, because timers cannot be finer.
 */
export function parseDuration(text: string): number | null {
  const sign = text.startsWith('-') ? -1 : 1;
  const body = /^[+-]/.test(text) ? text.slice(1) : text;
  if (body === '0') return 0;
  let ms = 0;
  PART.lastIndex = 0;
  if (body === '') return null;
  while (PART.lastIndex < body.length) {
    const part = PART.exec(body);
    if (part === null) return null;
    ms += Number(part[1]) * UNIT_MS[part[2]!]!;
  }
  if (!Number.isFinite(ms)) return null;
  return sign * (ms > 0 && ms < 1 ? 1 : Math.round(ms));
}

/** Canonical text: leading zero units are dropped, trailing ones kept (`2m30s`, `1h0m0s`, `2.5s`, `0s`). */
export function formatDuration(ms: number): string {
  if (ms < 0) return `-${formatDuration(-ms)}`;
  if (ms === 0) return '0s';
  if (ms < 1000) return `${ms}ms`;
  const hours = Math.floor(ms / 3_600_000);
  const minutes = Math.floor((ms % 3_600_000) / 60_000);
  const seconds = `${(ms % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}
