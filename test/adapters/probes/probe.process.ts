import { systemClock } from '../../../src/actors/clock.ts';
import { createTcpProber } from '../../../src/adapters/probes/tcp-prober.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';

/** Asks each address of its arguments at port 80 over TCP, from wherever it runs, and prints what came of it. */
const prober = createTcpProber({ clock: systemClock() });
const TIMEOUT_MS = 10_000;
const answers = await Promise.all(
  process.argv.slice(2).map((address) => {
    const check = { ...checkOf({ type: 'tcp', port: 80 }), timeout_ms: TIMEOUT_MS };
    return prober.probe({ instance: 'guest', run: 1, address, ports: [] }, check, wanted());
  }),
);
process.stdout.write(JSON.stringify(answers));
