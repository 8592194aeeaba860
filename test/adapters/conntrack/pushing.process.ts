import { connect, createServer } from 'node:net';
import { systemClock } from '../../../src/actors/clock.ts';

/** `push`: sends a byte to whoever has connected, again and again. `hear`: connects, and never says anything itself. */
const PUSH_MS = 50;
const clock = systemClock();
const [, , role, address = '', port = ''] = process.argv;

if (role === 'push') {
  const server = createServer(async (socket) => {
    socket.on('error', () => undefined);
    while (!socket.destroyed) {
      socket.write('.');
      await clock.sleep(PUSH_MS);
    }
  });
  server.listen(Number(port), address);
} else {
  const reach = (): void => {
    // Whoever is not there yet is asked again.
    connect(Number(port), address)
      .on('error', () => clock.after(PUSH_MS, reach))
      .resume();
  };
  reach();
}
