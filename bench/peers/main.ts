import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { machineFacts } from '../machine-facts.ts';
import { median, shown } from '../measure.ts';
import type { Peer } from './peer.ts';

/**
 * `npm run bench:peers`: one durable change of a keyed state, as Statevisor, Emmett on SQLite and Restate's virtual objects
 * do it, at 1, 100 and 1,000 keys in flight. Rounds are interleaved; only equal durability is compared: every answered
 * change is synced to the disk. What a peer cannot do is printed as such.
 */
const LEVELS = [1, 100, 1_000];
const ROUNDS = 3;
const ROUND_MS = 2_000;
const AIM = 3;
// Restate's kit logs every call otherwise, which is not what is measured.
process.env['RESTATE_LOGGING'] = 'ERROR';
const here = fileURLToPath(new URL('.', import.meta.url));

if (!existsSync(join(here, 'node_modules'))) {
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: here, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

const makers: Record<string, () => Promise<(place: string) => Promise<Peer>>> = {
  statevisor: async () => (await import('./statevisor.ts')).openStatevisor,
  emmett: async () => (await import('./emmett.ts')).openEmmett,
  restate: async () => (await import('./restate.ts')).openRestate,
};

console.log(machineFacts(tmpdir()).join('\n'));
const peers: Peer[] = [];
const places: string[] = [];
for (const [name, make] of Object.entries(makers)) {
  const place = mkdtempSync(join(tmpdir(), `statevisor-peer-${name}-`));
  places.push(place);
  try {
    const peer = await (await make())(place);
    peers.push(peer);
    console.log(`${peer.name}: ${peer.durability}`);
  } catch (error) {
    process.exitCode = 1;
    console.log(`${name}: does not run here: ${error instanceof Error ? error.message : String(error)}`);
  }
}
for (const inFlight of LEVELS) {
  const perSecond = new Map<string, number[]>(peers.map((peer) => [peer.name, []]));
  const failures = new Map<string, string>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const peer of peers) {
      if (failures.has(peer.name)) continue;
      try {
        perSecond.get(peer.name)!.push(await peer.changesPerSecond(inFlight, ROUND_MS));
      } catch (error) {
        failures.set(peer.name, error instanceof Error ? error.message : String(error));
      }
    }
  }
  const ours = median(perSecond.get('statevisor') ?? []);
  for (const peer of peers) {
    const failure = failures.get(peer.name);
    const rate = median(perSecond.get(peer.name)!);
    const ratio = peer.name === 'statevisor' ? '' : ` statevisor is ${shown(ours / rate)} times as fast (aim ≥ ${AIM})`;
    console.log(`${inFlight} in flight, ${peer.name}: ${failure === undefined ? `${shown(rate)}/s${ratio}` : `failed: ${failure}`}`);
  }
}
for (const peer of peers) await peer.close();
for (const place of places) rmSync(place, { recursive: true, force: true });
process.exit();
