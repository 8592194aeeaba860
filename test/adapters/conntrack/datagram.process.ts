import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';

/** Sends one datagram that is too large for a packet: it arrives in fragments, of which only the first has ports. */
const BYTES = 6_000;
const [, , address = '', port = ''] = process.argv;
const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
socket.send(Buffer.alloc(BYTES), Number(port), address, () => socket.close());
