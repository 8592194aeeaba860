/** Law 8 as a table: what leads out of each waiting state. Exploration has to have taken every one of these ways. */
export interface Ways {
  readonly result: string;
  readonly error: string;
  readonly deadline: string;
}

export const WAYS_OUT: Readonly<Record<string, Ways>> = {
  preparing: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.prepare_deadline' },
  'booting.spawning': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.boot_deadline' },
  'booting.awaiting_guest': { result: 'guest.ready', error: 'vmm.exited', deadline: 'timer.boot_deadline' },
  quiescing: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.standby_hook_deadline' },
  'pausing.freezing': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.pause_deadline' },
  'pausing.frozen': {
    result: 'traffic.confirmed_idle',
    error: 'traffic.unconfirmed',
    deadline: 'timer.pause_deadline',
  },
  sealing: { result: 'traffic.confirmed_idle', error: 'traffic.unconfirmed', deadline: 'timer.seal_deadline' },
  'capturing.freezing': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.capture_deadline' },
  'capturing.saving': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.capture_deadline' },
  snapshotting: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.snapshot_deadline' },
  resuming: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.resume_deadline' },
  'restoring.taking_up': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.restore_deadline' },
  'restoring.answering': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.restore_deadline' },
  'standby.copying': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.copy_deadline' },
  'standby.waking.asking': { result: 'host.granted', error: 'host.held', deadline: 'timer.wake_deadline' },
  reverting: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.revert_deadline' },
  forking: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.fork_deadline' },
  'stopping.withdrawing': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.withdraw_deadline' },
  'stopping.before_stop': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.stop_hook_deadline' },
  'stopping.graceful': { result: 'vmm.exited', error: 'effect.failed', deadline: 'timer.stop_deadline' },
  'stopping.killing': { result: 'effect.done', error: 'effect.failed', deadline: 'timer.kill_deadline' },
  lost: { result: 'vmm.found', error: 'vmm.exited', deadline: 'timer.inspect_retry' },
  deleting: { result: 'effect.done', error: 'effect.failed', deadline: 'timer.remove_retry' },
};

/** Transitions that are written down and that no path takes, with the reason why they stand there all the same. */
export const UNREACHABLE: Readonly<Record<string, string>> = {
  'absent instance.quarantined': 'forbidden on purpose: there is nothing yet that could be put aside',
  'deleted instance.quarantined': 'forbidden on purpose: a deleted instance never comes back',
  'quarantined instance.quarantined': 'forbidden on purpose: it is put aside already',
  'absent create': 'every path begins with it',
  'absent host.mode_changed': 'forbidden on purpose: there is nothing yet that could be told',
  'absent schedule.due': 'forbidden on purpose: there is no schedule yet',
  'deleted schedule.due': 'forbidden on purpose: nothing comes of a schedule any more',
  'standby.copying create_snapshot': 'forbidden on purpose: one copy is made at a time',
  'standby.copying restore_snapshot': 'forbidden on purpose: what is being copied is not replaced meanwhile',
  'deleting schedule.due': 'forbidden on purpose: nothing comes of a schedule any more',
  'quarantined schedule.due': 'forbidden on purpose: nothing automatic follows',
  'deleted host.mode_changed': 'forbidden on purpose: there is nobody left to be told',
};
