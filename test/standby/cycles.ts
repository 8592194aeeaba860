import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '../../src/actors/clock.ts';
import type { Endpoints } from '../../src/cli/data-directory.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { addressOf, type BridgedHost, bridgedHost, untilReachable } from '../bridge/bridged-host.ts';
import { until } from '../cli/daemon-process.ts';
import { type Client, startClient } from './client.ts';

/**
 * `node test/standby/cycles.ts [CYCLES]`: one real guest is put to sleep and woken, twenty times, with a client connected to
 * it all the time. In every third cycle the daemon is killed on the way into standby, in every third on the way out, at a
 * random moment. The client must be answered over its first connection after each cycle, by the first boot of the guest, and
 * there is never a second VMM.
 */

const CYCLES = Number(process.argv[2] ?? 20);
const NAME = 'sleeper';
const BOOT_LIMIT_MS = 120_000;
const SETTLE_LIMIT_MS = 60_000;
/** Longer than a standby or a restore takes. */
const KILL_WITHIN_MS = 600;

const clock = systemClock();
const random = systemRandom();

interface Scene {
  readonly host: BridgedHost;
  readonly client: Client;
  readonly address: string;
}

async function ask({ host, client }: Scene, method: string, path: string): Promise<string> {
  const { http, token_file } = JSON.parse(readFileSync(join(host.place.data, 'endpoints.json'), 'utf8')) as Endpoints;
  const token = readFileSync(token_file, 'utf8').trim();
  return (await client.ask(`${http}/v1/instances/${NAME}${path}`, { method, token })).text;
}

const stateOf = async (scene: Scene): Promise<string> =>
  (JSON.parse(await ask(scene, 'GET', '')) as InstanceView).state;

/** Standby or Running, with as many VMMs as that takes. */
async function settled(scene: Scene): Promise<string> {
  const look = async (): Promise<string> => {
    const state = await stateOf(scene);
    const vmms = (await vmmsUnder(scene.host.place.data)).length;
    if (vmms > 1) throw new Error(`${vmms} VMMs of one instance`);
    return vmms === (state === 'Running' ? 1 : 0) ? state : `${state} with ${vmms} VMMs`;
  };
  return until(look, (state) => state === 'Running' || state === 'Standby', SETTLE_LIMIT_MS);
}

/** Gives the command; when told to, kills the daemon somewhere on its way and starts the next one. */
async function command(scene: Scene, verb: 'standby' | 'restore', isKilled: boolean): Promise<string> {
  if (!isKilled) {
    await ask(scene, 'POST', `/${verb}?wait=30s`);
    return settled(scene);
  }
  await ask(scene, 'POST', `/${verb}`);
  await clock.sleep(Number.parseInt(random.hex(4), 16) % KILL_WITHIN_MS);
  await scene.host.daemon().end('SIGKILL');
  await scene.host.serve();
  return settled(scene);
}

async function cycle(scene: Scene, number: number, boot: string): Promise<string> {
  const asleep = await command(scene, 'standby', number % 3 === 1);
  const awake = asleep === 'Standby' ? await command(scene, 'restore', number % 3 === 2) : asleep;
  const last = awake === 'Standby' ? await command(scene, 'restore', false) : awake;
  if (last !== 'Running') throw new Error(`cycle ${number}: the guest is ${last}`);
  const heard = await scene.client.echo(`cycle ${number}`);
  if (heard !== `cycle ${number}`) throw new Error(`cycle ${number}: the client hears ${heard}`);
  if ((await bootOf(scene)) !== boot) throw new Error(`cycle ${number}: it has booted anew`);
  return `${asleep} ${awake}`;
}

async function bootOf({ client, address }: Scene): Promise<string> {
  return (await client.ask(`http://${address}/cgi-bin/now`)).text.trim().split(' ')[2] ?? '';
}

async function main(): Promise<void> {
  const host = await bridgedHost();
  try {
    await host.serve();
    await host.create(NAME);
    const [view] = await untilReachable(host, [NAME], BOOT_LIMIT_MS);
    if (view === undefined) throw new Error('the instance is not there');
    const address = addressOf(view);
    const scene = { host, address, client: startClient(host.enter, address) };
    const boot = await bootOf(scene);
    for (let number = 0; number < CYCLES; number++) console.log(`cycle ${number}: ${await cycle(scene, number, boot)}`);
    scene.client.close();
    console.log(`${CYCLES} of ${CYCLES} cycles without a miss`);
  } finally {
    await host.destroy();
  }
}

await main();
