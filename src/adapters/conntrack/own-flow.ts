import { createSocket } from 'node:dgram';
import { type AddressKey, keysOfText } from './addresses.ts';
import type { KernelEntry } from './kernel-table.ts';

/**
 * A packet that this process sends to itself, which the kernel must track as it must those to guests. A kernel that
 * tracks nothing, as all do until some rule asks for it, has an empty table: nothing else tells that from silence.
 */
export interface OwnFlow {
  readonly address: AddressKey;
  isOf(entry: KernelEntry): boolean;
}

export type Family = 'IPv4' | 'IPv6';
/** Null when this machine has no loopback of that family. A new flow each time: it has a port of its own. */
export type SendToSelf = (family: Family) => Promise<OwnFlow | null>;
const LOOPBACK: Readonly<Record<Family, string>> = { IPv4: '127.0.0.1', IPv6: '::1' };
const SOCKET: Readonly<Record<Family, 'udp4' | 'udp6'>> = { IPv4: 'udp4', IPv6: 'udp6' };

export const LOOPBACK_KEYS: ReadonlySet<AddressKey> = new Set(Object.values(LOOPBACK).flatMap(keysOfText));

export const sendToSelf: SendToSelf = (family) => {
  const address = LOOPBACK[family];
  const [key = 0] = keysOfText(address);
  return new Promise((resolve) => {
    const socket = createSocket(SOCKET[family]);
    const end = (flow: OwnFlow | null): void => {
      socket.close();
      resolve(flow);
    };
    socket.once('error', () => end(null));
    socket.bind({ address, port: 0, exclusive: true }, () => {
      const { port } = socket.address();
      const isOf = ({ guest, protocol, original }: KernelEntry): boolean =>
        guest === key && protocol === 'udp' && original.source_port === port;
      socket.send('', port, address, (error) => end(error === null ? { address: key, isOf } : null));
    });
  });
};

/** A flow of this machine to its own port: ours are, and hardly any other is. */
export function isToItself({ guest, protocol, tuple }: KernelEntry): boolean {
  return protocol === 'udp' && LOOPBACK_KEYS.has(guest) && tuple.source_port === tuple.destination_port;
}
