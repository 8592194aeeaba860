import type { RunSpec } from '../../actors/contracts/hypervisor.ts';
import type { Accelerator } from './accelerator.ts';
import type { Image } from './image/store.ts';

/** Names of QEMU's character devices, as its monitor tells them. */
export const AGENT_DEVICE = 'agent';
export const NETWORK_DEVICE = 'net';
/** Sockets in the run directory, which is the working directory of the VMM. */
export const MONITOR_SOCKET = 'qmp.sock';
export const AGENT_SOCKET = 'agent.sock';
/** The guest's memory, in the same directory: shared with that file, it needs no copying when the guest is saved. */
export const MEMORY_FILE = 'memory';

/** Addresses of QEMU's user network. */
const USER_NETWORK = { address: '10.0.2.15', prefix: 24, gateway: '10.0.2.2', mac: '02:00:00:00:00:02' } as const;

const SANDBOX = 'on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny';

/** QEMU reads a comma in an option's value as the end of the value; doubled it stands for itself. */
function optionValue(text: string): string {
  return text.replaceAll(',', ',,');
}

function network({ network }: RunSpec): string[] {
  if (network.mode === 'none') return [];
  const card = ['-device', `virtio-net-pci,netdev=net,mac=${network.mode === 'user' ? USER_NETWORK.mac : network.mac}`];
  // QEMU runs no script and makes no tap of its own: the tap is there, with everything that belongs to it.
  if (network.mode === 'bridge')
    return ['-netdev', `tap,id=net,ifname=${network.tap},script=no,downscript=no`, ...card];
  const forwards = network.ports.map(
    (port) => `,hostfwd=tcp:127.0.0.1:${port.host_port}-${USER_NETWORK.address}:${port.guest_port}`,
  );
  return ['-netdev', `user,id=net,restrict=on${forwards.join('')}`, ...card];
}

function ipv6(network: RunSpec['network']): string[] {
  if (network.mode !== 'bridge' || network.address6 === null) return [];
  const { address6, prefix6, gateway6 } = network;
  return [`statevisor.address6=${address6}/${prefix6} statevisor.gateway6=${gateway6}`];
}

function kernelCommandLine({ network }: RunSpec, image: Image): string {
  if (network.mode === 'none') return image.commandLine;
  const { address, prefix, gateway } = network.mode === 'user' ? USER_NETWORK : network;
  const ipv4 = `statevisor.address=${address}/${prefix} statevisor.gateway=${gateway}`;
  return [image.commandLine, ipv4, ...ipv6(network)].join(' ');
}

function serialPorts(image: Image): string[] {
  const parts: string[] = [];
  if (image.agentPort !== null) {
    parts.push('-chardev', `socket,id=${AGENT_DEVICE},path=${AGENT_SOCKET},server=on,wait=off`);
    parts.push('-device', `virtserialport,chardev=${AGENT_DEVICE},name=${image.agentPort},id=${AGENT_DEVICE}`);
  }
  if (image.exitPort !== null) {
    parts.push('-chardev', 'file,id=exit,path=exit.pipe');
    parts.push('-device', `virtserialport,chardev=exit,name=${image.exitPort},id=exit`);
  }
  return parts.length === 0 ? [] : ['-device', 'virtio-serial-pci', ...parts];
}

/**
 * The whole command line of one VMM. The guest may reboot inside it; a panic ends it; its second monitor, on the
 * standard streams, tells every event to the supervisor's log.
 */
export function commandLine(binary: string, spec: RunSpec, image: Image, accelerator: Accelerator): string[] {
  return [
    binary,
    ...['-name', optionValue(`statevisor-${spec.instance}-${spec.run}`)],
    ...['-machine', 'q35,memory-backend=memory', ...accelerator.options],
    ...['-smp', String(spec.vcpus), '-m', `${spec.memory_bytes}B`],
    ...['-object', `memory-backend-file,id=memory,size=${spec.memory_bytes}B,mem-path=${MEMORY_FILE},share=on`],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-sandbox', SANDBOX],
    ...['-kernel', image.kernel, ...(image.initrd === null ? [] : ['-initrd', image.initrd])],
    ...['-append', kernelCommandLine(spec, image)],
    ...['-chardev', 'file,id=console,path=console.pipe', '-serial', 'chardev:console'],
    ...network(spec),
    ...['-device', 'pvpanic-pci', '-action', 'panic=shutdown,reboot=reset,shutdown=poweroff'],
    ...serialPorts(image),
    ...['-chardev', 'stdio,id=journal,signal=off', '-mon', 'chardev=journal,mode=control'],
    ...['-qmp', `unix:${MONITOR_SOCKET},server=on,wait=off`],
  ];
}

/** Instance and network of the command line that only tells which machine it is. */
const ANY = { instance: 'any', run: 0, name: 'any' };
const ANY_ATTACHMENT = {
  tap: 'any',
  mac: '02:00:00:00:00:00',
  address: '192.0.2.2',
  prefix: 24,
  gateway: '192.0.2.1',
  address6: null,
  prefix6: null,
  gateway6: null,
};

/**
 * The same without what may differ between a guest that was saved and its restored self or its fork: names, addresses,
 * ports and where the files lie. Whatever else differs would make another machine of it.
 */
export function machineShape(spec: RunSpec, image: Image, accelerator: Accelerator): string[] {
  const networks = {
    none: { mode: 'none' },
    user: { mode: 'user', ports: [] },
    bridge: { mode: 'bridge', ...ANY_ATTACHMENT },
  } as const;
  const initrd = image.initrd === null ? null : 'initrd';
  return commandLine(
    'qemu',
    { ...spec, ...ANY, network: networks[spec.network.mode] },
    { ...image, kernel: 'kernel', initrd },
    accelerator,
  );
}

/** Where two of them part first: `-smp 1, not -smp 2`; null where they do not. */
export function shapeDifference(saved: readonly string[], present: readonly string[]): string | null {
  const length = Math.max(saved.length, present.length);
  const at = Array.from({ length }, (_, index) => index).find((index) => saved[index] !== present[index]);
  if (at === undefined) return null;
  const wordOf = (shape: readonly string[]): string => {
    const [option = '', value] = [shape[at - 1], shape[at]];
    if (value === undefined) return 'nothing more';
    return option.startsWith('-') && !value.startsWith('-') ? `${option} ${value}` : value;
  };
  return `${wordOf(saved)}, not ${wordOf(present)}`;
}

/** The command line of a VMM that waits for the state of a saved guest. */
export function restoringCommandLine(argv: readonly string[]): string[] {
  return [...argv, '-incoming', 'defer'];
}
