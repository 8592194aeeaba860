import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostProcesses } from '../../src/actors/contracts/process-identity.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { NO_RIGHTS } from '../adapters/bridge/bridge.world.ts';
import { openNamespace } from '../adapters/bridge/namespace.ts';
import { vmmsUnder } from '../adapters/qemu.world.ts';
import { type DaemonProcess, type Ran, until, type Workplace, workplace } from '../cli/daemon-process.ts';
import { temporaryDirectory } from '../left-processes.ts';

/** A host of bridged guests in a network namespace: a real daemon, real VMs, and hands to kill and reboot it with. */
export interface BridgedHost {
  readonly place: Workplace;
  readonly daemon: () => DaemonProcess;
  /** Starts a daemon, the first one or after the former was killed. */
  serve(): Promise<void>;
  /** Creates an instance with a bridged guest of 128 MB. */
  create(name: string, ...flags: string[]): Promise<Ran>;
  list(): Promise<InstanceView[]>;
  /** Which of these addresses answer a request from inside the namespace. */
  answering(addresses: readonly string[]): Promise<string[]>;
  /** Everything a reboot ends is gone at once, and the next daemon sees another boot of the host. */
  reboot(): Promise<void>;
  run(...command: readonly string[]): Promise<string>;
  /** Put before a command, runs it in the namespace. */
  readonly enter: readonly string[];
  destroy(): Promise<void>;
}

export const BRIDGE = 'svhost0';
const ASK = fileURLToPath(new URL('ask.process.ts', import.meta.url));
const FLAGS = ['--no-hello', '--nats', 'off', '--hypervisor', 'qemu', '--bridge', BRIDGE];
const SMALL = ['--size', '128MB', '--vcpus', '1'];
const GONE_LIMIT_MS = 20_000;

/** Runs the rest in a mount namespace in which the host's boot id reads as in the file. */
function withBootId(file: string): string[] {
  const script = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"';
  return ['unshare', '--mount', '/bin/sh', '-c', script, file];
}

function newBootId(): string {
  return randomBytes(16)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export interface BridgedHostOptions {
  /** Its daemons have no CAP_NET_ADMIN. */
  readonly powerless?: boolean;
  /** More flags for its daemons. */
  readonly flags?: readonly string[];
}

export async function bridgedHost({ powerless = false, flags = [] }: BridgedHostOptions = {}): Promise<BridgedHost> {
  const namespace = await openNamespace();
  const own = temporaryDirectory('statevisor-boot-');
  const bootId = join(own, 'boot-id');
  writeFileSync(bootId, `${newBootId()}\n`);
  const place = workplace([...namespace.enter, ...withBootId(bootId), ...(powerless ? NO_RIGHTS : [])]);
  let daemon: DaemonProcess | null = null;
  const present = (): DaemonProcess => {
    if (daemon === null) throw new Error('No daemon runs.');
    return daemon;
  };
  const killVmms = async (): Promise<void> => {
    for (const pid of await vmmsUnder(place.data)) hostProcesses.signal(pid, 'SIGKILL');
    await until(
      () => vmmsUnder(place.data),
      (left) => left.length === 0,
      GONE_LIMIT_MS,
    );
  };
  const list = async (): Promise<InstanceView[]> =>
    JSON.parse((await place.cli('ps', '--json')).stdout) as InstanceView[];
  return {
    place,
    daemon: present,
    run: namespace.run,
    enter: namespace.enter,
    list,
    serve: async () => {
      daemon = await place.serve(...FLAGS, ...flags);
    },
    create: (name, ...flags) => place.cli('run', name, '--detach', '--network', 'bridge', ...SMALL, ...flags),
    answering: async (addresses) => {
      return (await namespace.run(process.execPath, ASK, ...addresses)).split('\n').filter((line) => line !== '');
    },
    reboot: async () => {
      await present().end('SIGKILL');
      await killVmms();
      const devices = JSON.parse(await namespace.run('ip', '-json', 'link', 'show')) as { ifname: string }[];
      for (const { ifname } of devices.filter((one) => one.ifname !== 'lo')) {
        await namespace.run('ip', 'link', 'delete', 'dev', ifname);
      }
      await namespace.run('nft', 'flush', 'ruleset');
      writeFileSync(bootId, `${newBootId()}\n`);
    },
    destroy: async () => {
      await daemon?.end('SIGKILL').catch(() => null);
      await killVmms();
      await namespace.close();
      place.remove();
      rmSync(own, { recursive: true, force: true });
    },
  };
}

/** Waits until all of these run and answer, and tells how they are then; throws with who did within the limit. */
export async function untilReachable(
  host: BridgedHost,
  names: readonly string[],
  limitMs: number,
): Promise<InstanceView[]> {
  let views: InstanceView[] = [];
  const wellNow = async (): Promise<string[]> => {
    views = (await host.list()).filter((view) => names.includes(view.name) && view.state === 'Running');
    const well = views.length < names.length ? [] : await host.answering(views.map(addressOf));
    return views.filter((view) => well.includes(addressOf(view))).map(({ name }) => name);
  };
  await until(wellNow, (well) => well.length === names.length, limitMs);
  return views;
}

export function addressOf({ name, network }: InstanceView): string {
  if (network.address === undefined) throw new Error(`${name} has no address.`);
  return network.address;
}
