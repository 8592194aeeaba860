import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { openNamespace } from '../adapters/bridge/namespace.ts';
import { untilTrue } from '../contracts/hypervisor.world.ts';
import { type DoorAndToken, makeTestedDirectory } from '../crash/daemon-process.ts';
import { type FaultPlan, type Note, parseNotes } from '../crash/fault-plan.ts';
import { createKeeper, type Keeper } from '../crash/keeper.ts';
import { endVmms } from '../crash/qemu-world.ts';
import { historyTold } from '../crash/told-history.ts';
import { loadTold } from '../told-records.ts';
import type { Visited } from './visitor.process.ts';
import { startVisitor } from './visitor.ts';

/** A real guest that sleeps after a second, in a network namespace of its own, under one daemon after the other. */
export interface Sleeper {
  readonly directory: string;
  readonly keeper: Keeper;
  /** Of the guest. */
  readonly address: string;
  /** A client of the guest. One that is patient tries again while nobody answers for the address. */
  connect(isPatient: boolean): Promise<Visited>;
  command(door: DoorAndToken, verb: string, body?: unknown): Promise<Visited>;
  becomes(door: DoorAndToken, state: string): Promise<void>;
  /** Starts a daemon under this plan, whose notes are its own. */
  serve(plan: Omit<FaultPlan, 'notes'>): Promise<DoorAndToken | null>;
  /** Waits until the daemon has noted this. */
  noted(what: Note['what']): Promise<void>;
  run(...command: readonly string[]): Promise<string>;
  /** Kills the daemon, and tells what led to this: the last records of the guest, and what its daemons said. */
  history(): Promise<string>;
  close(): Promise<void>;
}

const BRIDGE = 'svsleep0';
const LIMIT_MS = 60_000;
const GUEST = {
  ...{ name: 'guest', image: 'demo', size: '128MB', vcpus: 1, network: { mode: 'bridge' } },
  auto_standby: { enabled: true, idle_timeout: '1s' },
};

interface Shown {
  readonly state: string;
  readonly network: { readonly address?: string };
}

const at = ({ url, token }: DoorAndToken, path: string, method = 'GET', body?: unknown) => {
  return { url: `${url}/v1/instances${path}`, token, method, ...(body !== undefined && { body }) };
};

/** Resolves when the guest runs and its first daemon is dead. */
export async function openSleeper(): Promise<Sleeper> {
  const namespace = await openNamespace();
  const { directory, destroy } = await makeTestedDirectory();
  const keeper = createKeeper(directory, 'qemu', { enter: namespace.enter, bridge: BRIDGE });
  const visitor = startVisitor(namespace.enter);
  const notes = `${directory}.notes`;
  const shown = async (door: DoorAndToken): Promise<Shown> => {
    const { status, text } = await visitor.visit(at(door, '/guest'));
    assert.equal(status, 200, text);
    return JSON.parse(text) as Shown;
  };
  const becomes: Sleeper['becomes'] = (door, state) =>
    untilTrue(async () => (await shown(door)).state === state, `the guest is ${state}`, LIMIT_MS);
  const close = async (): Promise<void> => {
    await keeper.kill('SIGKILL');
    visitor.close();
    await endVmms(directory);
    await namespace.close();
    await destroy();
  };
  try {
    const door = await keeper.startReady();
    const created = await visitor.visit(at(door, '', 'POST', GUEST));
    assert.equal(created.status, 201, created.text);
    await becomes(door, 'Running');
    const { address } = (await shown(door)).network;
    assert.ok(address !== undefined);
    await keeper.kill('SIGKILL');
    return {
      ...{ directory, keeper, address, becomes, close },
      connect: (isPatient) => visitor.visit({ url: `http://${address}/health`, isPatient }),
      command: (to, verb, body) => visitor.visit(at(to, `/guest/${verb}`, 'POST', body)),
      serve: async (plan) => {
        writeFileSync(notes, '');
        return (await keeper.start({ ...plan, notes })).door;
      },
      noted: (wanted) => {
        const isNoted = (): boolean => parseNotes(readFileSync(notes, 'utf8')).some(({ what }) => what === wanted);
        return untilTrue(isNoted, `the daemon has noted ${wanted}`, LIMIT_MS);
      },
      run: namespace.run,
      history: async () => {
        const load = loadTold();
        await keeper.kill('SIGKILL');
        return `${load}; ${await historyTold(directory)}`;
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
