import { fileURLToPath } from 'node:url';
import { systemClock } from '../actors/clock.ts';
import { Collector } from '../adapters/conntrack/collector.ts';
import type { CollectorSettings, ToCollector } from '../adapters/conntrack/messages.ts';

/** Path of this program: it reads the kernel's table of connections for the daemon that started it. */
export const collectorProgram = fileURLToPath(import.meta.url);

if (import.meta.main) {
  const [, , settings] = process.argv;
  const { send } = process;
  if (settings === undefined || send === undefined) throw new Error('this program is started by the daemon');
  const collector = new Collector({
    clock: systemClock(),
    settings: JSON.parse(settings) as CollectorSettings,
    send: (message, sent) => void send.call(process, message, sent),
    onBroken: () => process.exit(1),
  });
  // Its channel closes when the daemon ends, however that ends.
  process.once('disconnect', () => void collector.close().finally(() => process.exit(0)));
  process.on('message', (message) => collector.take(message as ToCollector));
  await collector.run();
}
