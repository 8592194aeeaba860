import type { NatsConnection } from '@nats-io/transport-node';
import { type Advance, createAdvance } from '../../actors/contracts/advance.ts';
import type { Clock } from '../../actors/contracts/clock.ts';
import type { LogState } from '../../actors/contracts/log.ts';
import { createLogStateKeeper } from '../../actors/contracts/log-state.ts';

/**
 * Whether the log can be reached, from what the connection says of itself and from whether the server answers. While it
 * cannot, nothing is sent at all: what was never sent has certainly not been written.
 */
export interface ConnectionWatch {
  readonly state: () => LogState;
  /** True while there is a connection and the server has not fallen silent on it. */
  readonly reachable: () => boolean;
  /** True while there is a connection, whether or not the server answers. */
  readonly connected: () => boolean;
  /** The server has not answered in time. */
  readonly silent: (message: string) => void;
  /** The server has answered. */
  readonly answered: () => void;
  /** Room was refused, or given again. */
  readonly full: (message: string) => void;
  readonly roomAgain: () => void;
  readonly lost: (message: string) => void;
  /** Moves on when the log becomes reachable. */
  readonly returned: Advance;
  /** Calls back whenever the log stops being reachable; answers how to end that. */
  readonly onCut: (callback: () => void) => () => void;
  readonly close: () => void;
}

export function watchConnection(connection: NatsConnection, clock: Clock): ConnectionWatch {
  const keeper = createLogStateKeeper(clock);
  const returned = createAdvance();
  const cuts = new Set<() => void>();
  let connected = !connection.isClosed();
  const cut = (message: string): void => {
    keeper.become('log_unreachable', message);
    for (const callback of [...cuts]) callback();
  };
  const statuses = connection.status();
  void (async () => {
    for await (const { type } of statuses) {
      if (type === 'disconnect' || type === 'close') {
        connected = false;
        cut('the connection to the server of the log is lost');
      } else if (type === 'reconnect') connected = true;
    }
  })();
  void connection.closed().then(() => {
    connected = false;
    cut('the connection to the server of the log was closed');
  });
  return {
    state: keeper.state,
    connected: () => connected,
    reachable: () => connected && keeper.state().mode !== 'log_unreachable' && keeper.state().mode !== 'not_owner',
    silent: cut,
    answered: () => {
      if (!connected || keeper.state().mode !== 'log_unreachable') return;
      keeper.become('serving');
      returned.advance();
    },
    full: (message) => keeper.become('log_full', message),
    roomAgain: () => {
      if (keeper.state().mode === 'log_full') keeper.become('serving');
    },
    lost: (message) => {
      keeper.become('not_owner', message);
      for (const callback of [...cuts]) callback();
    },
    returned,
    onCut: (callback) => {
      cuts.add(callback);
      return () => cuts.delete(callback);
    },
    close: () => {
      returned.end();
      (statuses as AsyncIterable<unknown> & { stop?: () => void }).stop?.();
    },
  };
}
