import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';
import type { HealthCheck, ProbedGuest } from '../../src/actors/contracts/probe.ts';
import { createHttpProber } from '../../src/adapters/probes/http-prober.ts';
import { createProbers } from '../../src/adapters/probes/probers.ts';
import { type BenchOptions, clock, median, type Row, shown } from '../measure.ts';

const AIM = 2;
const PROBES = 5_000;
const QUICK_PROBES = 2_000;
const ROUNDS = 7;
const QUICK_ROUNDS = 3;
const AT_ONCE = 1_000;
const ONE_BY_ONE = 1;
const SERVER = fileURLToPath(new URL('./http-answers.process.ts', import.meta.url));

type Ask = () => Promise<unknown>;

/** What a probe over HTTP costs this process, against the same GET by Node itself over a connection of its own. */
export async function httpProbe({ quick }: BenchOptions): Promise<Row[]> {
  const server = spawn(process.execPath, [SERVER], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [port] = (await once(server.stdout, 'data')).map(Number);
  const [bare, probe] = [bareGet(port!), probing(port!)];
  const count = quick ? QUICK_PROBES : PROBES;
  const rows: Row[] = [];
  for (const atOnce of [ONE_BY_ONE, AT_ONCE]) {
    for (const warm of [bare, probe]) await costUs(warm, count, atOnce);
    const rounds: { bare: number; probe: number }[] = [];
    for (let n = 0; n < (quick ? QUICK_ROUNDS : ROUNDS); n++) {
      rounds.push({ bare: await costUs(bare, count, atOnce), probe: await costUs(probe, count, atOnce) });
    }
    const of = (key: keyof (typeof rounds)[number]): number => median(rounds.map((round) => round[key]));
    rows.push({
      name: `processor time of an HTTP probe, ${shown(atOnce)} at once`,
      measured: `${shown(of('probe'))} µs`,
      baseline: `node:http, GET over a connection of its own, ${shown(of('bare'))} µs`,
      ratio: median(rounds.map((round) => round.probe / round.bare)),
      aim: { bound: 'at_most', value: AIM },
    });
  }
  server.stdin.end();
  await once(server, 'exit');
  return rows;
}

function bareGet(port: number): Ask {
  return () =>
    new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, path: '/', agent: false }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode === 200));
      }).on('error', reject);
    });
}

function probing(port: number): Ask {
  const prober = createProbers({ http: createHttpProber({ clock, version: '0.0.0' }) });
  const guest: ProbedGuest = { instance: 'bench', run: 1, address: '127.0.0.1', ports: [] };
  const check: HealthCheck = {
    target: { type: 'http', port, path: '/', scheme: 'http', expected_status: 200 },
    interval_ms: 60_000,
    timeout_ms: 60_000,
    start_period_ms: 0,
    failure_threshold: 3,
    success_threshold: 1,
  };
  return async () => (await prober.probe(guest, check, new AbortController().signal)).result === 'passed';
}

/** Microseconds of processor time of this process for each of so many, so many at a time. */
async function costUs(ask: Ask, count: number, atOnce: number): Promise<number> {
  const before = process.cpuUsage();
  let left = count;
  const line = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      if ((await ask()) !== true) throw new Error('The workload did not answer as it should.');
    }
  };
  await Promise.all(Array.from({ length: atOnce }, line));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
}
