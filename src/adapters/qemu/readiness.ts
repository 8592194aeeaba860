import { connect } from 'node:net';
import type { Clock } from '../../actors/contracts/clock.ts';
import { AGENT_DEVICE } from './command-line.ts';
import type { ReadyRule } from './image/manifest.ts';
import { queryAgentOpen } from './monitor.ts';
import type { QmpConnection, QmpEvent } from './qmp.ts';
import { CONSOLE_LOG_PART_BYTES, readLog } from './run-directory.ts';

/** How often a port or the console is asked while its guest is not ready yet. */
export const READY_POLL_MS = 100;
const PORT_ANSWER_LIMIT_MS = 1_000;
const PORT_QUESTION = 'GET / HTTP/1.0\r\n\r\n';

/** What a rule needs to be asked. */
export interface ReadyQuestion {
  readonly rule: ReadyRule;
  readonly directory: string;
  readonly hostPort: number | null;
  readonly clock: Clock;
  readonly monitor: QmpConnection;
}

/**
 * Whether something behind a forwarded port answers at least one byte to an HTTP question. A connection alone proves
 * nothing: QEMU's user network accepts it before the guest even boots.
 */
export function portAnswers(hostPort: number, clock: Clock): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port: hostPort });
    const settle = (answered: boolean): void => {
      cancel();
      socket.destroy();
      resolve(answered);
    };
    const cancel = clock.after(PORT_ANSWER_LIMIT_MS, () => settle(false));
    socket.once('connect', () => socket.write(PORT_QUESTION));
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
  if (rule.by === 'port') return question.hostPort !== null && portAnswers(question.hostPort, question.clock);
  return rule.pattern.test(readLog(question.directory, 'console.log', 2 * CONSOLE_LOG_PART_BYTES));
}

/** Whether a monitor event says that the guest has become ready. */
export function saysReady(rule: ReadyRule, event: QmpEvent): boolean {
  const { name, data } = event;
  return rule.by === 'agent' && name === 'VSERPORT_CHANGE' && data.id === AGENT_DEVICE && data.open === true;
}
