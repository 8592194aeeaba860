import type { HealthCheck } from '../../../machines/policies.ts';
import type { ProbedGuest, ProbeResult, Prober } from '../contracts/probe.ts';

const NO_RESULT: ProbeResult = { result: 'unavailable', error: 'the prober gave no result' };

/** Asks once. It never rejects: a prober that fails says nothing about the guest. */
export async function askProber(
  prober: Prober,
  guest: ProbedGuest,
  check: HealthCheck,
  signal: AbortSignal,
): Promise<ProbeResult> {
  try {
    return checked(await prober.probe(guest, check, signal));
  } catch (error) {
    return { result: 'unavailable', error: error instanceof Error ? error.message : String(error) };
  }
}

function checked(answer: unknown): ProbeResult {
  const { result, error } = (answer ?? {}) as { readonly result?: unknown; readonly error?: unknown };
  if (result === 'passed') return { result };
  if (result === 'failed' || result === 'unavailable') return { result, error: String(error) };
  return NO_RESULT;
}
