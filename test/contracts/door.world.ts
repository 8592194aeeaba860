import { systemClock } from '../../src/actors/clock.ts';
import type { TokenGrant } from '../../src/gateway/tokens.ts';
import type { InstanceView } from '../../src/projections/instance-view.ts';
import { gatewayScene, type Scene } from '../gateway/gateway-scene.ts';

/** What a door is to its users, whatever it is made of. */

export interface DoorAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly host: string | null;
  readonly position: string | null;
  readonly version: string | null;
  readonly outcome: string | null;
  readonly correlation: string | null;
}

export interface Sending {
  /** Null sends no token; absent sends the operator's. */
  readonly token?: string | null;
  readonly commandId?: string;
  readonly correlation?: string;
  readonly trace?: string;
}

export interface Door {
  send(verb: string, input: Readonly<Record<string, unknown>>, how?: Sending): Promise<DoorAnswer>;
  /** Sends these bytes as the body of a create. */
  sendBytes(bytes: Uint8Array, how?: Sending): Promise<DoorAnswer>;
  close(): Promise<void>;
}

export type OpenDoor = (scene: Scene) => Promise<Door>;

export const TOKENS = {
  operator: 'operator-token',
  reader: 'reader-token',
  admin: 'admin-token',
  nobody: 'token-without-scopes',
} as const;

export const GRANTS: readonly TokenGrant[] = [
  { token: TOKENS.operator, actor: 'ada', scopes: ['operate'] },
  { token: TOKENS.reader, actor: 'bob', scopes: ['read'] },
  { token: TOKENS.admin, actor: 'root', scopes: ['admin'] },
  { token: TOKENS.nobody, actor: 'eve', scopes: [] },
  { token: '', actor: 'nobody', scopes: ['admin'] },
];

export interface DoorWorld {
  readonly scene: Scene;
  readonly door: Door;
  /** Two instances: `web` is running, `db` is stopped. */
  readonly web: string;
  readonly db: string;
  /** Lets simulated time pass, and real sockets be served, while the promise is pending. */
  during<T>(pending: Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const PAUSE_MS = 2;
const STEP_MS = 100;
const STEPS_MAX = 3_000;

export async function doorWorld(open: OpenDoor): Promise<DoorWorld> {
  const scene = await gatewayScene();
  const web = await scene.running('web', { network: { ports: [{ guest_port: 80, host_port: 8080 }] } });
  const db = await scene.running('db', { start: false, wait: '1m' });
  const door = await open(scene);
  const real = systemClock();
  return {
    scene,
    door,
    web,
    db,
    during: async (pending) => {
      let settled = false;
      const mark = (): void => {
        settled = true;
      };
      pending.then(mark, mark);
      for (let step = 0; step < STEPS_MAX && !settled; step++) {
        await real.sleep(PAUSE_MS);
        await scene.clock.advance(STEP_MS);
      }
      if (!settled) throw new Error(`not within ${(STEPS_MAX * STEP_MS) / 1000} simulated seconds`);
      return pending;
    },
    close: async () => {
      await door.close();
      await scene.close();
    },
  };
}

export function viewIn({ body }: DoorAnswer): InstanceView {
  return body as InstanceView;
}
