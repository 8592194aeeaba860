import { readFileSync } from 'node:fs';
import { openNetlink } from '../../../src/adapters/conntrack/netlink-socket.ts';

/** Sends what is no message to every socket of this network namespace that listens to connection tracking. */
const NETFILTER = '12';
const sockets = await openNetlink();
const socket = sockets.forRequests();
const [, ...lines] = readFileSync('/proc/net/netlink', 'utf8').trim().split('\n');
for (const line of lines) {
  const [, protocol, port, groups] = line.trim().split(/\s+/);
  if (protocol !== NETFILTER || groups === '00000000') continue;
  socket.send(Buffer.from('this is no message of the kernel'), Number(port));
}
socket.close();
