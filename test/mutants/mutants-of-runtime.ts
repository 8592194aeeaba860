import type { Mutant } from './mutant.ts';

/** Defects in the runtime: who appends, what is done when, and what is heard. */

const ACTOR = 'src/actors/instance-actor.ts';
const APPEND = 'src/actors/durable-append.ts';
const EFFECTS = 'src/actors/effect-queue.ts';
const TIMERS = 'src/actors/timer-heap.ts';
const DUE = 'src/actors/due-heap.ts';
const MAILBOX = 'src/actors/mailbox.ts';

const supervisor = (title: string) => ({ file: 'test/actors/supervisor.unit.test.ts', title });
const effects = (title: string) => ({ file: 'test/actors/effect-queue.unit.test.ts', title });
const timers = (title: string) => ({ file: 'test/actors/timer-heap.unit.test.ts', title });
const mailbox = (title: string) => ({ file: 'test/actors/mailbox.unit.test.ts', title });
const attempts = (title: string) => ({ file: 'test/actors/attempts.unit.test.ts', title });
const recovery = (title: string) => ({ file: 'test/actors/recovery.unit.test.ts', title });

export const MUTANTS_OF_RUNTIME: readonly Mutant[] = [
  {
    name: 'effects begin before their record is durable',
    file: ACTOR,
    find: 'const appended = await this.#append(record, letter);',
    put: 'this.#startEffects(record);\n    const appended = await this.#append(record, letter);',
    killedBy: supervisor('a command is answered, and its effect begins, only when its record is durable'),
  },
  {
    name: 'the state moves although the log did not take the record',
    file: ACTOR,
    find: 'const appended = await this.#append(record, letter);',
    put: 'this.#head = headAfter(record, decided.result.next);\n    const appended = await this.#append(record, letter);',
    killedBy: supervisor('a result whose append was lost is offered again until it is recorded'),
  },
  {
    name: 'what a stop withdraws goes on',
    file: ACTOR,
    find: '    this.#withdrawEffects(record);\n    for (const timer',
    put: '    for (const timer',
    killedBy: supervisor('a stop acknowledged while the boot is about to begin leaves no boot'),
  },
  {
    name: 'what was withdrawn is still wanted',
    file: EFFECTS,
    find: '!controller.signal.aborted && mayAct()',
    put: 'mayAct()',
    killedBy: effects('that run hear of their withdrawal and are no longer wanted from that moment on'),
  },
  {
    name: 'a withdrawal ends the effects of every run',
    file: EFFECTS,
    find: 'this.#abort(isUnwanted);',
    put: 'this.#abort(() => true);',
    killedBy: effects('of another run are left alone by a withdrawal'),
  },
  {
    name: 'effects of one instance run side by side',
    file: EFFECTS,
    find: "if (typeof next !== 'function') await this.#carryOut(next);",
    put: "if (typeof next !== 'function') void this.#carryOut(next);",
    killedBy: effects('run one at a time, in the order of the records that asked for them'),
  },
  {
    name: "another owner's record is taken for our own",
    file: APPEND,
    find: 'if (known.head?.bytes === bytes) return { ...known.head, kind',
    put: 'if (known.head !== null) return { ...known.head, kind',
    killedBy: supervisor('an owner that finds another owner in its stream steps down and does nothing more'),
  },
  {
    name: 'an append without an answer is taken for one that was made',
    file: APPEND,
    find: "result.kind === 'unknown' ? await resolveUnknown(world, token, { record, bytes, letter }) : result;",
    put: "result.kind === 'unknown' ? ({ kind: 'appended', token, position: '0' } as AppendResult) : result;",
    killedBy: supervisor('a command whose append was certainly lost is refused and changes nothing'),
  },
  {
    name: 'a refused command leaves a record',
    file: ACTOR,
    find: 'if (!decided.result.accepted) {',
    put: "if (!decided.result.accepted && letter.class !== 'command') {",
    killedBy: supervisor('a refused command appends nothing and says what is accepted'),
  },
  {
    name: 'observations that mean nothing are recorded',
    file: ACTOR,
    find: 'if (!decided.result.accepted) {',
    put: "if (!decided.result.accepted && letter.class === 'command') {",
    killedBy: supervisor('an observation that means nothing is not recorded, nor is one of another run'),
  },
  {
    name: 'a rule that throws leaves its instance in automatic care',
    file: 'src/actors/decide.ts',
    find: 'return { event: quarantine, result: step(snapshot, quarantine) };',
    put: 'throw error;',
    killedBy: supervisor('a rule that throws quarantines its own instance only, and leaves its VM alone'),
  },
  {
    name: 'cancelled timers fire',
    file: TIMERS,
    find: 'if (this.#options.isPending(first.timer)) this.#options.fire(first.timer);',
    put: 'this.#options.fire(first.timer);',
    killedBy: timers('drops a timer that is no longer pending when its time comes'),
  },
  {
    name: 'a step of the wall clock is not noticed before the next timer',
    file: TIMERS,
    find: 'Math.min(Math.max(0, first.dueAt - clock.now()), lookMs)',
    put: 'Math.max(0, first.dueAt - clock.now())',
    killedBy: timers(
      'fires what has become overdue soon after the wall clock stepped an hour forth, and says by how much',
    ),
  },
  {
    name: 'timers fire in the order in which they were armed',
    file: DUE,
    find: 'if (parent.dueAt <= item.dueAt) break;',
    put: 'if (parent.dueAt !== item.dueAt) break;',
    killedBy: timers('fires timers in the order of their deadlines, whatever the order in which they were armed'),
  },
  {
    name: 'a mailbox takes one command more than its bound',
    file: MAILBOX,
    find: 'if (this.#commands >= MAILBOX_COMMANDS_MAX) return false;',
    put: 'if (this.#commands > MAILBOX_COMMANDS_MAX) return false;',
    killedBy: mailbox(
      'refuses a command when as many commands as it may hold are waiting, and takes one again after the next is out',
    ),
  },
  {
    name: 'a result of a new check replaces one of the old check',
    file: MAILBOX,
    find: 'event.window.revision}`',
    put: 'event.window.run}`',
    killedBy: mailbox('keeps probes of different runs and of different revisions of the check apart'),
  },
  {
    name: 'life that nobody saw counts as stable',
    file: 'src/actors/recovery.ts',
    find: 'if (due <= found.ended_at && due <= now)',
    put: 'if (due <= now)',
    killedBy: recovery('a stability window that was full before the end counts; one that was not does not'),
  },
  {
    name: 'after a crash an attempt whose boot had not begun is counted twice',
    file: 'machines/regions/lifecycle/running.ts',
    find: "      { guard: all(ofThisRun, foundAs('none')), target: '#spawning', reenter: true },\n",
    put: '',
    killedBy: attempts('is carried out by the next daemon: the same attempt, the same run'),
  },
  {
    name: 'one instance that is being booted keeps the others waiting',
    file: EFFECTS,
    find: '  #draining = false;\n',
    put: '  static #any = false;\n  get #draining() {\n    return EffectQueue.#any;\n  }\n  set #draining(on) {\n    EffectQueue.#any = on;\n  }\n',
    killedBy: attempts('are kept waiting by no other one whose boot takes long'),
  },
  {
    name: 'whoever waits is told of an end while a restart is pending',
    file: 'machines/public-states.ts',
    find: "if (phase === 'backoff' || phase === 'held') return false;",
    put: "if (phase === 'backoff' || phase === 'held') return true;",
    killedBy: { file: 'test/gateway/wait.unit.test.ts', title: 'a pending automatic restart is not an end' },
  },
  {
    name: 'a process is gone with its first thread',
    file: 'src/actors/contracts/process-identity.ts',
    find: ' || threads > 1;',
    put: ';',
    killedBy: {
      file: 'test/actors/process-identity.unit.test.ts',
      title: 'is alive while a thread of it lives whose first one is a zombie: it may write, and holds what is open',
    },
  },
];
