import { connect } from 'node:net';
import type { Clock } from '../../actors/contracts/clock.ts';
import { openedAt, type Place, type ProbeAddress } from '../../actors/contracts/probe-address.ts';
import { AGENT_DEVICE } from './command-line.ts';
import type { ReadyRule } from './image/manifest.ts';
import { queryAgentOpen } from './monitor.ts';
import type { QmpConnection, QmpEvent } from './qmp.ts';
import { CONSOLE_LOG_PART_BYTES, type RunFacts, readLog } from './run-directory.ts';

/** How often a port or the console is asked while its guest is not ready yet. */
export const READY_POLL_MS = 100;
const CONNECT_LIMIT_MS = 200;
const PORT_ANSWER_LIMIT_MS = 1_000;
const PORT_QUESTION = 'GET / HTTP/1.0\r\n\r\n';

/** Where the port of a `port:N` rule is reached; null by the other rules. */
export function readyPlaceOf({ ready_host: host, ready_host_port: port, identity }: RunFacts): Place | null {
  return port === null ? null : { host, port, isForwarded: identity === null };
}

/** How the daemon asks guests. */
export interface Asker {
  readonly clock: Clock;
  readonly probeAddress: ProbeAddress;
}

/** What a rule needs to be asked. */
export interface ReadyQuestion extends Asker {
  readonly rule: ReadyRule;
  readonly directory: string;
  readonly place: Place | null;
  readonly monitor: QmpConnection;
}

/**
 * Whether something behind a guest's port answers at least one byte to an HTTP question. A connection alone proves
 * nothing: QEMU's user network accepts it before the guest even boots. One that takes long is given up and made anew: a
 * packet sent to a bridged guest before it listens is lost, and would be repeated a whole second later only.
 * A bridged guest is asked from the address of probes, so that the question is never taken for somebody who uses it.
 */
export function portAnswers(place: Place, { clock, probeAddress }: Asker): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(openedAt(place, probeAddress));
    const settle = (answered: boolean): void => {
      cancel();
      socket.destroy();
      resolve(answered);
    };
    let cancel = clock.after(CONNECT_LIMIT_MS, () => settle(false));
    socket.once('connect', () => {
      cancel();
      cancel = clock.after(PORT_ANSWER_LIMIT_MS, () => settle(false));
      socket.write(PORT_QUESTION);
    });
    socket.once('data', () => settle(true));
    socket.once('error', () => settle(false));
    socket.once('close', () => settle(false));
  });
}

/** Whether the guest is ready by its image's rule at this moment. Rejects with `QmpError` when it cannot be asked. */
export async function isReadyNow(question: ReadyQuestion): Promise<boolean> {
  const { rule } = question;
  if (rule.by === 'immediate') return true;
  if (rule.by === 'agent') return queryAgentOpen(question.monitor);
  if (rule.by === 'port') return question.place !== null && portAnswers(question.place, question);
  return rule.pattern.test(readLog(question.directory, 'console.log', 2 * CONSOLE_LOG_PART_BYTES));
}

/** Whether no event of the monitor says that the guest has become ready. */
export function isPolled({ by }: ReadyRule): boolean {
  return by === 'port' || by === 'console';
}

/** Whether a monitor event says that the guest has become ready. */
export function saysReady(rule: ReadyRule, event: QmpEvent): boolean {
  const { name, data } = event;
  return rule.by === 'agent' && name === 'VSERPORT_CHANGE' && data.id === AGENT_DEVICE && data.open === true;
}

/** Whether a monitor event says that the guest has closed the port of its agent: it died, or the guest begins anew. */
export function saysAgentGone({ name, data }: QmpEvent): boolean {
  return name === 'VSERPORT_CHANGE' && data.id === AGENT_DEVICE && data.open === false;
}
