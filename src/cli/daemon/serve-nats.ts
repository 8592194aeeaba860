import type { Logger } from 'pino';
import type { Clock, Random } from '../../actors/contracts/clock.ts';
import type { HostSections } from '../../gateway/host-sections.ts';
import { createNatsGateway, type NatsGatewayOptions } from '../../gateway/nats/nats-gateway.ts';
import type { DataDirectory } from '../data-directory.ts';
import type { Closers } from './closers.ts';
import type { NatsLink } from './nats-link.ts';
import type { NatsServer } from './nats-server.ts';
import { openNats } from './open-nats.ts';

/** Opens the NATS door on whatever server there is, and shows the state of it as the section `nats`. */

export interface NatsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly directory: DataDirectory;
  readonly closers: Closers;
  readonly sections: HostSections;
  /** The server, when the log lies on it; else it is looked for. */
  readonly server: NatsServer | null;
  readonly door: Omit<NatsGatewayOptions, 'connection'> & { readonly logger: Logger };
}

export interface ServedNats {
  readonly mode: 'private' | 'named' | 'off';
  /** With credentials; null without a server, and while a private one has not started. */
  readonly url: () => string | null;
  readonly connection: NatsLink['connection'];
  /** Whoever tells others the URL hears here of every connection that is made from now on. */
  onConnected(listener: () => void): void;
}

export async function serveNats(
  { nats, say }: { readonly nats: string; readonly say: (line: string) => void },
  { door, sections, directory, ...parts }: NatsParts,
): Promise<ServedNats> {
  let listener = (): void => {};
  const opened = await openNats({
    ...parts,
    nats,
    say,
    directory: directory.nats,
    tell: (line) => door.logger.warn(line),
    serve: async (connection) => {
      const gateway = await createNatsGateway({ ...door, connection });
      listener();
      return gateway;
    },
  });
  sections.add('nats', () => opened?.status() ?? { mode: 'off' });
  return {
    mode: opened?.mode ?? 'off',
    url: () => opened?.url() ?? null,
    connection: () => opened?.link.connection() ?? null,
    onConnected: (given) => {
      listener = given;
    },
  };
}
