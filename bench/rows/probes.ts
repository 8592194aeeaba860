import type { HealthCheck } from '../../machines/policies.ts';
import { systemRandom } from '../../src/actors/clock.ts';
import type { Prober } from '../../src/actors/contracts/probe.ts';
import type { Telemetry } from '../../src/actors/contracts/telemetry.ts';
import { createSupervisor } from '../../src/actors/create-supervisor.ts';
import { createMemoryLog } from '../../src/adapters/log-memory/memory-log.ts';
import { controlSimulator } from '../../src/adapters/simulator/control.ts';
import { createSimulatedProber } from '../../src/adapters/simulator/simulated-prober.ts';
import { createSimulator } from '../../src/adapters/simulator/simulator.ts';
import { createWorld } from '../../src/adapters/simulator/world.ts';
import { type BenchOptions, clock, type Row, shown } from '../measure.ts';
import { definitionNamed, META } from '../workload.ts';

const CORE_SHARE_AIM = 0.1;
const LATENESS_AIM_MS = 100;
const SILENT_SHARE = 0.1;
/** A thousand probes a second either way. */
const FLEET = { instances: 10_000, intervalMs: 10_000, measuredMs: 20_000 };
const QUICK_FLEET = { instances: 1_000, intervalMs: 1_000, measuredMs: 4_000 };
const TIMEOUT_SHARE = 0.2;
const BARE_PROBES = 20_000;
const CREATED_TOGETHER = 500;
const READY_LOOK_MS = 50;
const READY_MAX_MS = 120_000;
const MS_PER_MINUTE = 60_000;
const US_PER_MS = 1_000;
const P99 = 0.99;

interface Counted {
  /** How late each probe was. */
  late: number[];
  records: number;
  probes: number;
  missed: number;
}

interface Phase extends Counted {
  readonly coreShare: number;
  readonly usPerProbe: number;
}

/** Real time, simulated guests: 10,000 of them are asked every 10 s through the whole runtime, first all well, then some mute. */
export async function probes({ quick }: BenchOptions): Promise<Row[]> {
  const fleet = quick ? QUICK_FLEET : FLEET;
  const random = systemRandom();
  const world = createWorld({ clock, random });
  const control = controlSimulator({ world, clock });
  await control.setBootDuration('*', 0);
  const mute = new Set<string>();
  const simulated = createSimulatedProber({ world });
  const counted: Counted = { late: [], records: 0, probes: 0, missed: 0 };
  let healthy = 0;
  const supervisor = await createSupervisor({
    log: createMemoryLog(),
    hypervisor: createSimulator({ world, clock }),
    clock,
    random,
    prober: withMute(simulated, mute),
    telemetry: counting(counted),
    onRecord: ({ record }) => {
      counted.records += 1;
      if (record.facts.some(({ type }) => type === 'health.changed')) healthy += 1;
    },
  });
  const ids = await createProbed(supervisor, fleet);
  for (let waited = 0; healthy < fleet.instances && waited < READY_MAX_MS; waited += READY_LOOK_MS) {
    await clock.sleep(READY_LOOK_MS);
  }
  const well = await measured(counted, fleet.measuredMs);
  const bareUs = await barePerProbeUs(simulated, ids);
  for (const id of ids.slice(0, fleet.instances * SILENT_SHARE)) mute.add(id);
  await clock.sleep(fleet.intervalMs);
  const someMute = await measured(counted, fleet.measuredMs);
  await supervisor.close();
  await control.shutdownWorld();
  return rowsOf(fleet, well, someMute, bareUs);
}

function rowsOf(fleet: typeof FLEET, well: Phase, someMute: Phase, bareUs: number): Row[] {
  const fleetWords = `${shown(fleet.instances)} instances, a probe every ${fleet.intervalMs / 1_000} s`;
  const lateness = (phase: Phase) => quantile(phase.late, P99);
  const recordsPerMinute = (well.records * MS_PER_MINUTE) / fleet.measuredMs;
  const latenessRow = (name: string, phase: Phase): Row => ({
    name,
    measured: `${shown(lateness(phase))} ms, 99th percentile of ${shown(phase.late.length)} (most: ${shown(quantile(phase.late, 1))} ms); ${phase.missed} missed`,
    baseline: `${LATENESS_AIM_MS} ms`,
    ratio: phase.missed === 0 ? lateness(phase) / LATENESS_AIM_MS : Number.POSITIVE_INFINITY,
    aim: { bound: 'at_most', value: 1 },
  });
  return [
    {
      name: `share of one core, ${fleetWords}`,
      measured: `${shown(100 * well.coreShare)} %: ${shown(well.usPerProbe)} µs for a probe, the simulated guest's answer included`,
      baseline: `one core; the bare call of the prober takes ${shown(bareUs)} µs`,
      ratio: well.coreShare,
      aim: { bound: 'at_most', value: CORE_SHARE_AIM },
    },
    {
      name: 'records a minute while all of them are healthy',
      measured: shown(recordsPerMinute),
      baseline: `${shown((well.probes * MS_PER_MINUTE) / fleet.measuredMs)} probes a minute`,
      ratio: recordsPerMinute,
      aim: { bound: 'at_most', value: 0 },
    },
    latenessRow('lateness of their probes', well),
    latenessRow(`lateness of all probes while ${100 * SILENT_SHARE} % never answer`, someMute),
  ];
}

async function createProbed(
  supervisor: Awaited<ReturnType<typeof createSupervisor>>,
  { instances, intervalMs }: typeof FLEET,
): Promise<string[]> {
  const check: HealthCheck = {
    target: { type: 'http', port: 80, path: '/', scheme: 'http', expected_status: 200, tls_verify: true },
    interval_ms: intervalMs,
    timeout_ms: intervalMs * TIMEOUT_SHARE,
    start_period_ms: 0,
    failure_threshold: 3,
    success_threshold: 1,
  };
  const ids: string[] = [];
  for (let begun = 0; begun < instances; begun += CREATED_TOGETHER) {
    const together = Array.from({ length: Math.min(CREATED_TOGETHER, instances - begun) }, async (_, n) => {
      const definition = { ...definitionNamed(`vm-${begun + n}`), health_check: check, restart_policy: null };
      return (await supervisor.create(definition, 'running', META)).id;
    });
    ids.push(...(await Promise.all(together)));
  }
  return ids;
}

/** Guests that are mute take the connection and say nothing. */
function withMute(prober: Prober, mute: ReadonlySet<string>): Prober {
  return {
    probe: (guest, check, signal) => {
      if (!mute.has(guest.instance)) return prober.probe(guest, check, signal);
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve({ result: 'failed', error: 'given up' }), { once: true });
      });
    },
  };
}

function counting(counted: Counted): Telemetry {
  return {
    appended: () => {},
    effectEnded: () => {},
    probeStarted: (lateMs) => void counted.late.push(lateMs),
    probed: () => {
      counted.probes += 1;
    },
    trafficConfirmed: () => {},
    trafficForgotten: () => {},
    probesMissed: (count) => {
      counted.missed += count;
    },
  };
}

async function measured(counted: Counted, forMs: number): Promise<Phase> {
  Object.assign(counted, { late: [], records: 0, probes: 0, missed: 0 });
  const begun = clock.monotonic();
  const before = process.cpuUsage();
  await clock.sleep(forMs);
  const { user, system } = process.cpuUsage(before);
  const tookMs = clock.monotonic() - begun;
  const coreShare = (user + system) / US_PER_MS / tookMs;
  return { ...counted, late: [...counted.late], coreShare, usPerProbe: (user + system) / counted.probes };
}

/** What the same questions cost when nobody schedules them. */
async function barePerProbeUs(prober: Prober, ids: readonly string[]): Promise<number> {
  const check = {} as HealthCheck;
  const before = process.cpuUsage();
  for (let n = 0; n < BARE_PROBES; n++) {
    const guest = { instance: ids[n % ids.length]!, run: 1, address: null, ports: [] };
    await prober.probe(guest, check, new AbortController().signal);
  }
  const { user, system } = process.cpuUsage(before);
  return (user + system) / BARE_PROBES;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
