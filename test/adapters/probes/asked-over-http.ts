import type { ProbedGuest, ProbeResult, ProbeTarget } from '../../../src/actors/contracts/probe.ts';
import { createHttpProber } from '../../../src/adapters/probes/http-prober.ts';
import { within } from '../../contracts/log-check.ts';
import { checkOf, TIMEOUT_MS, wanted } from '../../contracts/prober.world.ts';
import { certificate, type GuestServer, type GuestServerOptions, startGuestServer } from './guest-server.ts';
import { simulatedTime } from './prober-worlds.ts';

/** One guest that behaves in some way, and what a probe over HTTP says of it. */

export interface AskedOverHttp {
  readonly server: GuestServer;
  /** What is said without the time being up. */
  ask(target?: Partial<ProbeTarget<'http'>>): Promise<ProbeResult>;
  /** What is said when the time is up; fails when it is said before. */
  askUntilLate(target?: Partial<ProbeTarget<'http'>>): Promise<ProbeResult>;
}

export type Clocked = ReturnType<typeof simulatedTime>;

/** `run` with a guest that does this; it is gone afterwards. */
export async function withGuest(
  options: Omit<GuestServerOptions, 'does'> & {
    readonly does: (...args: [...Parameters<GuestServerOptions['does']>, Clocked]) => void;
    readonly guest?: ProbedGuest;
  },
  run: (asked: AskedOverHttp, clock: Clocked) => Promise<void>,
): Promise<void> {
  const clock = simulatedTime();
  const server = await startGuestServer({ ...options, does: (socket, heard) => options.does(socket, heard, clock) });
  const prober = createHttpProber({ clock, version: '1.2.3', trusted: [certificate('authority')] });
  const scheme = options.certificate === undefined ? 'http' : 'https';
  const ask: AskedOverHttp['ask'] = (target) => {
    const whole = { type: 'http', port: server.port, path: '/', scheme, expected_status: 200, ...target } as const;
    return prober.probe(server.bridged, checkOf(whole), wanted());
  };
  const asked: AskedOverHttp = {
    server,
    ask: (target) => within('an answer before the time was up', ask(target)),
    askUntilLate: async (target) => {
      const order: string[] = [];
      const answer = ask(target).finally(() => order.push('answer'));
      await clock.advance(TIMEOUT_MS - 1);
      order.push('late');
      await clock.advance(1);
      await within('an answer when the time was up', answer);
      if (order[0] !== 'late') throw new Error('The answer came before the time was up.');
      return answer;
    },
  };
  try {
    await run(asked, clock);
  } finally {
    await server.close();
  }
}
