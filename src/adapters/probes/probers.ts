import type { ProbeResult, Prober, ProbeTarget } from '../../actors/contracts/probe.ts';
import { brokenProber } from './failures.ts';

/** A prober for each kind of check that this host can make. */
export type ProbersByKind = { readonly [Kind in ProbeTarget['type']]?: Prober };

/** Asks with the prober of the check's kind. */
export function createProbers(probers: ProbersByKind): Prober {
  return {
    async probe(guest, check, signal): Promise<ProbeResult> {
      const { type } = check.target;
      const prober = probers[type];
      if (prober === undefined) return { result: 'unavailable', error: `this host makes no ${type} checks` };
      try {
        return await prober.probe(guest, check, signal);
      } catch (error) {
        return brokenProber(error);
      }
    },
  };
}
