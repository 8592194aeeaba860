import type { GuestCommand } from '../../actors/contracts/guest-agent.ts';

/** What the agent's shell in the guest is told, so that a program ends in time with all that it has started. */

const MS_PER_SECOND = 1_000;
/** Of a program that could not be begun, as shells have it. */
const CANNOT_RUN = 126;
const LATE = 'late';
const LATE_OUTPUT = Buffer.from(`${LATE}\n`).toString('base64');

const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/**
 * The program leads a session of its own, and a watcher ends all of it when the time is up: ending the program alone would
 * leave what it has started, more with each probe. What it writes is not wanted, and may be endless; so the only thing
 * that this command writes is the watcher's word.
 */
export function guestShellCommand({ command, working_dir, timeout_ms }: GuestCommand): string {
  const seconds = timeout_ms / MS_PER_SECOND;
  // A guest may know whole seconds only.
  const watcher = `"sleep ${seconds} || sleep ${Math.ceil(seconds)}; echo ${LATE}; kill -KILL -$p"`;
  return [
    'exec 2>/dev/null </dev/null',
    ...(working_dir === undefined ? [] : [`cd ${quoted(working_dir)} || exit ${CANNOT_RUN}`]),
    `setsid ${command.map(quoted).join(' ')} >/dev/null & p=$!`,
    `setsid sh -c ${watcher} & w=$!`,
    'wait $p; code=$?',
    // It leads its session only a moment after it was begun.
    'kill -KILL -$w || kill -KILL $w',
    'exit $code',
    '',
  ].join('\n');
}

/** Whether that output, as the agent writes it, is the word of the watcher. */
export function saysLate(output: string): boolean {
  return output === LATE_OUTPUT;
}
