import type { EndReason, RunEnd } from '../../actors/contracts/hypervisor.ts';
import type { RunJournal } from './run-journal.ts';

/** Everything that is left of a run whose process is certainly gone. */
export interface Remains {
  /** Whether the run was started in the present boot of the host. */
  readonly sameHostBoot: boolean;
  /** Exit status as the shell tells it (128 + n for signal n); null when nothing recorded it. */
  readonly status: number | null;
  /** Epoch ms at which the status was recorded. */
  readonly statusAt: number | null;
  readonly journal: RunJournal;
  /** What the guest wrote to its exit port. */
  readonly exitPort: string;
  /** Last line that the VMM itself wrote. */
  readonly lastWords: string | null;
}

/** Reasons of QEMU's SHUTDOWN event. */
const SHUTDOWN_REASONS: Readonly<Record<string, EndReason>> = {
  'guest-shutdown': 'power_off',
  'guest-reset': 'reset',
  'host-qmp-system-reset': 'reset',
  'subsystem-reset': 'reset',
  'guest-panic': 'panic',
  'host-qmp-quit': 'quit',
  'host-ui': 'quit',
  'host-signal': 'killed',
  'host-error': 'crashed',
};

const SIGNAL_BASE = 128;
/** Signals a failing program raises on itself: ILL, TRAP, ABRT, BUS, FPE, SEGV, XCPU, XFSZ, SYS. */
const CRASH_SIGNALS = [4, 5, 6, 7, 8, 11, 24, 25, 31];
const EXIT_CODE_MAX = 255;

/**
 * A host that goes down in order ends its processes by signals, and their supervisors may still write that down. Told
 * only after the next boot of the host, such an end is the reboot's: no daemon was there to see it otherwise.
 */
function reasonOf(remains: Remains): EndReason {
  const recorded = recordedReason(remains);
  return recorded === 'killed' && !remains.sameHostBoot ? 'host_reboot' : recorded;
}

function recordedReason(remains: Remains): EndReason {
  const told = remains.journal.shutdownReason;
  if (told !== null) return SHUTDOWN_REASONS[told] ?? 'unknown';
  if (remains.status === null) return remains.sameHostBoot ? 'unknown' : 'host_reboot';
  if (remains.status > SIGNAL_BASE) return CRASH_SIGNALS.includes(remains.status - SIGNAL_BASE) ? 'crashed' : 'killed';
  // Without a word on why, an orderly exit tells nothing.
  return remains.status === 0 ? 'unknown' : 'crashed';
}

function messageOf(reason: EndReason, remains: Remains): string | null {
  if (reason === 'host_reboot') return 'the host was started again';
  if (reason === 'unknown') return 'how the run ended was not recorded';
  if (reason === 'crashed') return remains.lastWords ?? `the VMM ended with status ${remains.status}`;
  const signalled = reason === 'killed' && remains.status !== null && remains.status > SIGNAL_BASE;
  return signalled ? `the VMM was ended by signal ${Number(remains.status) - SIGNAL_BASE}` : null;
}

/** The exit code in what the guest wrote: its last complete line, when that is a number from 0 to 255. */
export function parseExitCode(text: string): number | null {
  const line = text.split('\n').slice(0, -1).at(-1)?.trim() ?? '';
  const code = /^\d{1,3}$/.test(line) ? Number(line) : null;
  return code !== null && code <= EXIT_CODE_MAX ? code : null;
}

/** How a run ended, as far as its remains tell it. The table is in docs/explanation/how-ends-are-told-apart.md. */
export function composeEnd(remains: Remains): RunEnd {
  const reason = reasonOf(remains);
  return {
    reason,
    code: parseExitCode(remains.exitPort),
    message: messageOf(reason, remains),
    ended_at: remains.statusAt ?? remains.journal.shutdownAt,
  };
}
