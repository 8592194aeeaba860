import { describe, expect, it } from 'vitest';
import { composeEnd, parseExitCode, type Remains } from '../../../src/adapters/qemu/run-end.ts';
import { isNewReboot, REBOOT_DEBOUNCE_MS, readJournal, rebootsAfter } from '../../../src/adapters/qemu/run-journal.ts';

const NOTHING: Remains = {
  sameHostBoot: true,
  status: null,
  statusAt: null,
  journal: { shutdownReason: null, shutdownAt: null, resets: [] },
  exitPort: '',
  lastWords: null,
};
const shutdown = (shutdownReason: string): Remains => ({
  ...NOTHING,
  status: 0,
  statusAt: 9,
  journal: { ...NOTHING.journal, shutdownReason },
});
const event = (name: string, at: number, data: object = {}): string =>
  JSON.stringify({
    timestamp: { seconds: Math.floor(at / 1000), microseconds: (at % 1000) * 1000 },
    event: name,
    data,
  });

describe('the end of a run', () => {
  it('has the reason that QEMU told, whatever the exit status is', () => {
    const reasons = {
      'guest-shutdown': 'power_off',
      'guest-reset': 'reset',
      'guest-panic': 'panic',
      'host-qmp-quit': 'quit',
      'host-signal': 'killed',
      'host-error': 'crashed',
      'a-reason-of-a-later-qemu': 'unknown',
    };
    for (const [told, reason] of Object.entries(reasons)) expect(composeEnd(shutdown(told)).reason).toBe(reason);
    expect(composeEnd({ ...shutdown('guest-shutdown'), status: 139 }).reason).toBe('power_off');
  });

  it('without a word of QEMU follows from the signal that ended it', () => {
    const killed = composeEnd({ ...NOTHING, status: 137, statusAt: 5 });
    expect(killed).toEqual({ reason: 'killed', code: null, message: 'the VMM was ended by signal 9', ended_at: 5 });
    for (const status of [132, 134, 135, 136, 139, 159])
      expect(composeEnd({ ...NOTHING, status }).reason).toBe('crashed');
  });

  it('is a crash with the last words of a VMM that gave up by itself', () => {
    const end = composeEnd({ ...NOTHING, status: 1, lastWords: 'cannot set up guest memory' });
    expect(end).toMatchObject({ reason: 'crashed', message: 'cannot set up guest memory' });
  });

  it('stays unknown when nothing tells it, and is a host reboot only when the host was started again', () => {
    expect(composeEnd(NOTHING)).toMatchObject({ reason: 'unknown', ended_at: null });
    expect(composeEnd({ ...NOTHING, status: 0 }).reason).toBe('unknown');
    expect(composeEnd({ ...NOTHING, sameHostBoot: false })).toMatchObject({ reason: 'host_reboot', ended_at: null });
    expect(composeEnd({ ...shutdown('guest-shutdown'), sameHostBoot: false }).reason).toBe('power_off');
  });

  it('by a signal is the host reboot when it is first told in another boot of the host', () => {
    const rebooted = { sameHostBoot: false, statusAt: 7 };
    expect(composeEnd({ ...NOTHING, ...rebooted, status: 137 })).toEqual({
      reason: 'host_reboot',
      code: null,
      message: 'the host was started again',
      ended_at: 7,
    });
    expect(composeEnd({ ...shutdown('host-signal'), ...rebooted }).reason).toBe('host_reboot');
    expect(composeEnd({ ...NOTHING, ...rebooted, status: 139 }).reason).toBe('crashed');
  });

  it('carries the exit code of the workload only when it is a whole line with a number from 0 to 255', () => {
    expect(composeEnd({ ...shutdown('guest-shutdown'), exitPort: '7\n' }).code).toBe(7);
    expect(parseExitCode('1\n42\n')).toBe(42);
    for (const text of ['', '7', '256\n', '-1\n', 'x\n', '7\n\n', '1234567890\n'])
      expect(parseExitCode(text)).toBeNull();
  });
});

describe('the event log of a run', () => {
  it('tells the last shutdown and passes over lines that are cut or no events', () => {
    const text = [
      'gest": true}',
      '{"return": {}}',
      event('SHUTDOWN', 1500, { guest: true, reason: 'guest-panic' }),
      '{"ti',
    ];
    expect(readJournal(text.join('\n'))).toEqual({ shutdownReason: 'guest-panic', shutdownAt: 1500, resets: [] });
  });

  it('counts the up to three resets of one guest reboot once', () => {
    const resets = [10_000, 10_300, 10_900, 20_000, 20_400].map((at) => event('RESET', at, { guest: true }));
    const journal = readJournal(resets.join('\n'));
    expect(rebootsAfter(journal.resets, null)).toEqual([10_000, 20_000]);
    expect(rebootsAfter(journal.resets, 10_300), 'the rest of a reboot that was seen').toEqual([20_000]);
    expect(rebootsAfter(journal.resets, 20_400)).toEqual([]);
    expect(rebootsAfter(journal.resets, 3), 'the seen one was rotated away').toEqual([10_000, 20_000]);
    expect(isNewReboot(5_000, null)).toBe(true);
    expect(isNewReboot(5_000, 5_000 - REBOOT_DEBOUNCE_MS)).toBe(false);
    expect(isNewReboot(5_000, 4_999 - REBOOT_DEBOUNCE_MS)).toBe(true);
  });

  it('counts a reboot after the clock of the host was stepped back', () => {
    expect(isNewReboot(5_000, 3_600_000)).toBe(true);
    expect(rebootsAfter([3_600_000, 5_000, 5_300], 3_600_000)).toEqual([5_000]);
  });
});
