import type { Mutant } from './mutant.ts';

/** Defects in snapshots: which are believed, what is left of half-written ones, when their minute is. */

const STORE = 'src/adapters/qemu/snapshots/store.ts';
const MANIFEST = 'src/adapters/qemu/snapshots/manifest.ts';
const COPY = 'src/adapters/qemu/snapshots/copy.ts';
const RESTORING = 'machines/regions/lifecycle/restoring.ts';
const FALLING = 'machines/regions/lifecycle/falling-asleep.ts';
const MINUTES = 'src/actors/schedules/schedule-minutes.ts';

const files = (title: string) => ({ file: 'test/adapters/qemu/snapshot-store.int.test.ts', title });
const minutes = (title: string) => ({ file: 'test/actors/schedules/schedule-minutes.unit.test.ts', title });

const chart = (title: string) => ({ file: 'test/machines/standby-guarantees.unit.test.ts', title });
const standby = (title: string) => ({ file: 'test/machines/standby.unit.test.ts', title });

const REFUSED_RESTORE = 'machines/regions/lifecycle/refused-restore.ts';
const refusedRestore = (title: string) => ({ file: 'test/machines/refused-restores.unit.test.ts', title });
const forks = (title: string) => ({ file: 'test/machines/forks.unit.test.ts', title });

const swept = (title: string) => ({ file: 'test/actors/snapshot-sweep.unit.test.ts', title });

const REFUSED = files('%s is refused as %s');

export const MUTANTS_OF_SNAPSHOTS: readonly Mutant[] = [
  {
    name: 'a manifest is believed whatever it says',
    file: MANIFEST,
    find: 'if (!sealed.success || sealed.data.sha256 !== seal(sealed.data.manifest)) return',
    put: 'if (!sealed.success) return',
    killedBy: REFUSED,
  },
  {
    name: 'half a manifest is taken for one that was altered',
    file: MANIFEST,
    find: "    return 'incomplete';",
    put: "    return 'altered';",
    killedBy: REFUSED,
  },
  {
    name: 'the state of a snapshot is not hashed when it is restored',
    file: STORE,
    find: "if (createHash('sha256').update(bytes).digest('hex') !== manifest.state.sha256) {",
    put: 'if (bytes.length !== manifest.state.bytes) {',
    killedBy: REFUSED,
  },
  {
    name: 'half a state is restored',
    file: STORE,
    find: '  if (state.bytes < manifest.state.bytes)\n',
    put: '  if (state.bytes > Number.MAX_SAFE_INTEGER)\n',
    killedBy: REFUSED,
  },
  {
    name: 'memory that was written to since is restored',
    file: STORE,
    find: 'memory.bytes === manifest.memory.bytes && memory.mtime_ns === manifest.memory.mtime_ns',
    put: 'memory.bytes === manifest.memory.bytes',
    killedBy: REFUSED,
  },
  {
    name: 'memory of another size is restored',
    file: STORE,
    find: 'memory.bytes === manifest.memory.bytes && memory.mtime_ns === manifest.memory.mtime_ns',
    put: 'memory.bytes >= manifest.memory.bytes && memory.mtime_ns <= manifest.memory.mtime_ns + "9"',
    killedBy: REFUSED,
  },
  {
    name: 'memory is never hashed',
    file: STORE,
    find: 'if (isMemoryHashed && sha256 !== null && ',
    put: 'if (!isMemoryHashed && sha256 === null && ',
    killedBy: files('whose memory has other bytes, and no sign of it, is refused where memory is hashed'),
  },
  {
    name: 'the name of a snapshot may lead elsewhere',
    file: STORE,
    find: 'const SNAPSHOT_NAME = /^[a-z0-9][a-z0-9._-]{0,62}$/;',
    put: 'const SNAPSHOT_NAME = /^[a-z0-9./][a-z0-9./_-]{0,62}$/;',
    killedBy: files('is refused under a name that leads elsewhere'),
  },
  {
    name: 'what is half written of a snapshot stays for ever',
    file: STORE,
    find: "if (name.startsWith('.') && !active.has(path)) await clear(path);",
    put: "if (name.startsWith('.x') && !active.has(path)) await clear(path);",
    killedBy: files('is never seen, and goes before the next one is made'),
  },
  {
    name: 'what is being written of a snapshot is swept away by the next one',
    file: STORE,
    find: "if (name.startsWith('.') && !active.has(path)) await clear",
    put: "if (name.startsWith('.')) await clear",
    killedBy: files('is left alone while it is being made by this process'),
  },
  {
    name: 'a half-written snapshot is seen',
    file: STORE,
    find: 'filter(isSnapshotName).sort()',
    put: 'sort()',
    killedBy: files('is never seen, and goes before the next one is made'),
  },
  {
    name: 'a snapshot is kept although its guest goes on with its memory',
    file: STORE,
    find: '      if (live === null || live.nlink === 1) return;\n',
    put: '      if (live !== null) return;\n',
    killedBy: files('goes with the run: the snapshot is dropped, and those with memory of their own stay'),
  },
  {
    name: 'a damaged snapshot is copied',
    file: COPY,
    find: "    if ('error' in verified) return { outcome: 'failed', error: verified.error };\n    const { directory, manifest, state } = verified.snapshot;",
    put: "    const { directory, manifest, state } = 'error' in verified ? ({} as never) : verified.snapshot;",
    killedBy: files('of a damaged one is refused as that, and nothing is left of it'),
  },
  {
    name: 'what a guest sleeps in is replaced by what cannot be restored here',
    file: COPY,
    find: 'to.to_run_on === true ? mismatchWith(await present(), manifest) : null',
    put: 'null',
    killedBy: files('to run on is refused where there is %s, and one that is only kept is made'),
  },
  {
    name: 'what is left of a copy that failed stays',
    file: COPY,
    find: '    if (begun !== null) await store.abandon(begun);\n',
    put: '',
    killedBy: files('that is withdrawn leaves nothing'),
  },
  {
    name: 'a restore that failed is the end of the guest',
    file: RESTORING,
    find: "    'effect.failed': { guard: resultOf('vmm.restore'), target: '#standby', actions: backToSleep },",
    put: "    'effect.failed': { guard: resultOf('vmm.restore'), ...goLost },",
    killedBy: standby('a restore that certainly failed leaves it asleep, and it can be tried again'),
  },
  {
    name: 'a restored guest that does not answer counts as running',
    file: RESTORING,
    find: "guard: all(resultOf('guest.set_clock'), saysUnanswered, not(ignored)),",
    put: "guard: all(resultOf('guest.set_clock'), not(saysUnanswered), ignored),",
    killedBy: chart('that does not answer is ended by force, and it was nobody who asked for it'),
  },
  {
    name: 'the files of a guest are replaced under its VMM',
    file: FALLING,
    find: '  hold: { guard: unattended, actions: placeHold },\n',
    put: "  hold: { guard: unattended, actions: placeHold },\n  restore_snapshot: { target: '#reverting' },\n",
    killedBy: chart('is brought back under no VMM that lives: refused at %s'),
  },
  {
    name: 'minutes of schedules that passed long ago are made up for',
    file: MINUTES,
    find: 'const since = Math.max(from, minute - MINUTE_MADE_UP_WITHIN_MS);',
    put: 'const since = from;',
    killedBy: minutes('of the minutes that passed while the machine slept the latest of the last 10 is told'),
  },
  {
    name: 'a minute of a schedule is told to each daemon again',
    file: MINUTES,
    find: 'last: heard[schedule] ?? 0 };',
    put: 'last: 0 };',
    killedBy: minutes(
      'what came while the daemon was down is told at the start: the latest of each, and only of the last 10 minutes',
    ),
  },
  {
    name: 'a clock that is set back brings minutes twice',
    file: MINUTES,
    find: 'if (this.#closed || minute <= member.last || ',
    put: 'if (this.#closed || ',
    killedBy: minutes('no minute is told twice and none in the wrong order, whatever the clock and the daemon do'),
  },
  {
    name: 'what no record names any more stays on disk',
    file: 'src/actors/snapshot-sweep.ts',
    find: 'if (!options.hypervisor.snapshots) return;',
    put: 'if (options.hypervisor.snapshots) return;',
    killedBy: swept('a named snapshot that was deleted, although the daemon ended before it was gone'),
  },
  {
    name: 'a start removes what a fork has still to copy',
    file: 'src/actors/snapshot-sweep.ts',
    find: ' || copied.has(keyOf(id, snapshot))',
    put: '',
    killedBy: swept('nothing that a fork has still to copy, although its source has given it up'),
  },
  {
    name: 'a start removes snapshots of an instance that was set aside',
    file: 'machines/snapshot-names.ts',
    find: "['absent', 'lost', 'quarantined', 'deleting', 'deleted']",
    put: "['absent', 'lost', 'deleting', 'deleted']",
    killedBy: swept('nothing of an instance whose last record cannot be read, nor of one that is set aside'),
  },
  {
    name: 'what is asked for while a start removes snapshots does not wait',
    file: 'src/actors/snapshot-sweep.ts',
    find: '  await actor.betweenEffects(() =>',
    put: '  await (async (act: () => Promise<void>) => act())(() =>',
    killedBy: swept('keeps what is asked for meanwhile waiting, so that a snapshot of the same name is not lost'),
  },
  {
    name: 'a copy that was given up ends the next one',
    file: 'src/actors/effect-queue.ts',
    find: "new Set<OneShotKind>(['snapshot.copy'])",
    put: 'new Set<OneShotKind>([])',
    killedBy: {
      file: 'test/actors/outdated-copies.unit.test.ts',
      title: 'a copy that was given up does not end the next one, %s, which is not begun yet',
    },
  },
  {
    name: 'a guest that could not be woken is shown as if it had run',
    file: REFUSED_RESTORE,
    find: 'run: put_away === null ? run : { ...put_away, number: run.number, pid: null, planned: true },',
    put: 'run,',
    killedBy: refusedRestore('because its restore %s is shown as before, with the reason'),
  },
  {
    name: 'a guest that could not be woken is shown with the process it had',
    file: REFUSED_RESTORE,
    find: 'number: run.number, pid: null, planned: true',
    put: 'number: run.number, planned: true',
    killedBy: refusedRestore('because its restore %s is shown as before, with the reason'),
  },
  {
    name: 'why a guest could not be woken is not kept',
    file: REFUSED_RESTORE,
    find: '    trouble: { message, tries: 0 },\n',
    put: '',
    killedBy: refusedRestore('because its restore %s is shown as before, with the reason'),
  },
  {
    name: 'that a guest could not be woken is told to nobody',
    file: REFUSED_RESTORE,
    find: "  enqueue.emit({\n    type: 'instance.restore_failed',\n",
    put: "  void ({\n    type: 'instance.restore_failed',\n",
    killedBy: refusedRestore('because its restore %s is shown as before, with the reason'),
  },
  {
    name: 'a fork whose time is up goes on copying',
    file: 'machines/regions/lifecycle/snapshots.ts',
    find: "{ target: '#stopped', actions: sayPrepared }",
    put: '{ actions: sayPrepared }',
    killedBy: forks('that expires while it copies: %s'),
  },
  {
    name: 'half of the copy of a fork that was stopped stays',
    file: 'machines/regions/lifecycle/snapshots.ts',
    find: "  enqueue({ type: 'ask', params: { kind: 'snapshot.drop', run: 0, snapshot: FORKED_SNAPSHOT } });\n",
    put: '',
    killedBy: forks('that is ended by %s while it copies is stopped, and its half copy goes'),
  },
  {
    name: 'a fork that is stopped while it copies sleeps',
    file: 'machines/regions/lifecycle/snapshots.ts',
    find: "stop: { target: '#stopped', actions: [...intend('stopped'), sayPrepared] },",
    put: "stop: { target: '#standby', actions: [...intend('stopped'), sayPrepared] },",
    killedBy: forks('that is ended by %s while it copies is stopped, and its half copy goes'),
  },
  {
    name: 'a fork drops the copy that it has just taken',
    file: 'machines/regions/lifecycle/snapshots.ts',
    find: "  if (event.type === 'effect.done') return;\n  if (!('effect' in event))",
    put: "  if (!('effect' in event))",
    killedBy: forks('that is wanted running wakes from its copy, in its first run'),
  },
  {
    name: 'a copy goes on after its fork was stopped',
    file: 'machines/regions/lifecycle/snapshots.ts',
    find: "  if (!('effect' in event)) enqueue({ type: 'ask', params: { kind: 'effect.withdraw', run: 0 } });\n",
    put: '',
    killedBy: forks('that is ended by %s while it copies is stopped, and its half copy goes'),
  },
  {
    name: 'the number of a restore that was refused is used again',
    file: REFUSED_RESTORE,
    find: 'number: run.number, pid: null',
    put: 'pid: null',
    killedBy: refusedRestore('because its restore %s is shown as before, with the reason'),
  },
];
