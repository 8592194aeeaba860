import type { Socket } from 'node:net';

/**
 * Whoever connects to a free port of its own host may be given that very port to connect from, and is then connected to
 * itself: the kernel allows it, and it looks like an answer. Forwarded ports lie where that can happen.
 */
export function isConnectedToItself({ localPort, remotePort, localAddress, remoteAddress }: Socket): boolean {
  return localPort !== undefined && localPort === remotePort && localAddress === remoteAddress;
}
