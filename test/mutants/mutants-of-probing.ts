import type { Mutant } from './mutant.ts';

/** Defects in when guests are asked, and in how. */

const SCHEDULER = 'src/actors/probing/probe-scheduler.ts';
const CADENCE = 'src/actors/probing/cadence.ts';
const HTTP = 'src/adapters/probes/http-prober.ts';

const scheduler = (title: string) => ({ file: 'test/actors/probing/probe-scheduler.unit.test.ts', title });
const trouble = (title: string) => ({ file: 'test/actors/probing/trouble.unit.test.ts', title });
const instances = (title: string) => ({ file: 'test/actors/probing/probed-instances.unit.test.ts', title });
const standing = (title: string) => ({ file: 'test/actors/standing-work.unit.test.ts', title });
const http = (title: string) => ({ file: 'test/adapters/probes/http-request.int.test.ts', title });

export const MUTANTS_OF_PROBING: readonly Mutant[] = [
  {
    name: 'a probe that finds no place is the last of its guest',
    file: SCHEDULER,
    find: 'this.#noteMissed(round, this.#await(round, now));',
    put: 'this.#heap.remove(round);\n    this.#noteMissed(round, 1);',
    killedBy: scheduler('is told as not started in time, counted, and made in its next slot'),
  },
  {
    name: 'guests that never answer take every place',
    file: 'src/actors/probing/places.ts',
    find: "return this.#unproven < unprovenMax && (lane === 'new' || this.#taken.silent < silentMax);",
    put: 'return true;',
    killedBy: scheduler(
      'that answer are never late for those that do not, though these fill all the places they may take',
    ),
  },
  {
    name: 'the next probe counts from the answer to the last one',
    file: SCHEDULER,
    find: 'this.#heap.put(round, dueAt(round.slots, next));',
    put: 'this.#heap.put(round, now + round.slots.intervalMs);',
    killedBy: scheduler('is one probe an interval from the first on, however long answers take'),
  },
  {
    name: 'all guests are asked in the same instant',
    file: CADENCE,
    find: 'return Math.floor(share * Math.min(intervalMs, windows * SPREAD_PER_WINDOW_MS));',
    put: 'return 0 * share * intervalMs * windows;',
    killedBy: scheduler('that are found at once are asked spread over an interval, each on its own place'),
  },
  {
    name: 'probes that were missed are made up for',
    file: CADENCE,
    find: 'return Math.max(slot + 1, inTime);',
    put: 'return Math.min(slot + 1, inTime + 1);',
    killedBy: scheduler(
      'goes on in its next slot after the process stood still: nothing that was missed is made up for',
    ),
  },
  {
    name: 'the answer to a probe of a window that is over is heard',
    file: SCHEDULER,
    find: 'if (round.question === question) this.#answered(round, question, result);',
    put: 'this.#answered(round, question, result);',
    killedBy: scheduler('tells the question under way to give up, and whatever it answers is not heard'),
  },
  {
    name: 'windows that are over are kept',
    file: SCHEDULER,
    find: '    this.#rounds.delete(instance);\n',
    put: '',
    killedBy: scheduler('ten thousand of them leave no timer, no listener and no reading behind'),
  },
  {
    name: 'a guest is blamed for what happened while the host stood still',
    file: SCHEDULER,
    find: "if (result.result !== 'failed' || !this.#stalls.since(askedAt)) return result;",
    put: 'if (askedAt >= 0) return result;',
    killedBy: trouble('is not blamed on the guest: the timeout passed, and nobody was there to take an answer'),
  },
  {
    name: 'a prober that throws is a failure of the guest',
    file: 'src/actors/probing/question.ts',
    find: "return { result: 'unavailable', error: error instanceof Error",
    put: "return { result: 'failed', error: error instanceof Error",
    killedBy: trouble('that throws at once says nothing about the guest'),
  },
  {
    name: 'a guest that never ends a question is asked once too often',
    file: SCHEDULER,
    find: 'round.unsettled >= UNSETTLED_PER_GUEST_MAX',
    put: 'round.unsettled > UNSETTLED_PER_GUEST_MAX',
    killedBy: trouble('that never ends counts against its own guest alone, up to a bound and no further'),
  },
  {
    name: 'every update begins the probing anew',
    file: 'src/actors/standing-work.ts',
    find: 'health.revision}` : null',
    put: 'health.revision + JSON.stringify(definition)}` : null',
    killedBy: instances('is unmoved by updates of anything but the check'),
  },
  {
    name: 'a changed check goes on being asked as the old one',
    file: 'src/actors/standing-work.ts',
    find: 'health.revision}` : null',
    put: 'run.number}` : null',
    killedBy: instances('begins anew with a changed check, and with the guest of another run'),
  },
  {
    name: 'guests that are found at a start are not probed',
    file: 'src/actors/create-supervisor.ts',
    find: '    this.#standing.derive(actor.id, actor.head.snapshot);\n',
    put: '',
    killedBy: standing('goes on in the next daemon, at once and not before it has looked for the VM'),
  },
  {
    name: 'an error is cut in the middle of a character',
    file: 'src/actors/contracts/safe-sentence.ts',
    find: 'return wholeCharacters(new TextEncoder().encode(shown).subarray(0, maxBytes)).text;',
    put: 'return wholeCharacters(new TextEncoder().encode(shown)).text.slice(0, 0) + new TextDecoder().decode(new TextEncoder().encode(shown).subarray(0, maxBytes));',
    killedBy: { file: 'test/actors/safe-sentence.unit.test.ts', title: 'is cut at the end of a character' },
  },
  {
    name: 'an agent that is not there is a failure of the guest',
    file: 'src/adapters/probes/exec-prober.ts',
    find: "return { result: 'unavailable', error: safeSentence(answer.reason) };",
    put: "return { result: 'failed', error: safeSentence(answer.reason) };",
    killedBy: {
      file: 'test/adapters/probes/exec-answers.unit.test.ts',
      title: 'that is not there yet says nothing about the guest, and is looked for again by the next probe',
    },
  },
  {
    name: 'a redirect is taken for an answer of the right status',
    file: HTTP,
    find: 'if (statusCode === expected_status)',
    put: 'if (statusCode === expected_status || String(statusCode).startsWith("3"))',
    killedBy: {
      file: 'test/adapters/probes/http-faults.int.test.ts',
      title: 'of a redirect is the 3xx: nobody is asked at the other place',
    },
  },
  {
    name: 'interim answers are read for as long as they come',
    file: HTTP,
    find: 'bytes > BEFORE_STATUS_MAX_BYTES',
    put: 'bytes < 0',
    killedBy: {
      file: 'test/adapters/probes/http-faults.int.test.ts',
      title: 'fails when so much came before a status that none can be waited for',
    },
  },
  {
    name: 'the query of a path is lost',
    file: HTTP,
    find: 'path: requestTarget(target.path),',
    put: "path: requestTarget(target.path.split('?')[0] ?? ''),",
    killedBy: http('is the path as it was written, with its query, and escaped only where it could not be sent: %j'),
  },
  {
    name: 'the default timeout is the whole interval',
    file: 'src/gateway/requests/health-check.ts',
    find: 'given.timeout ?? Math.min(HEALTH_TIMEOUT_DEFAULT_MS, given.interval)',
    put: 'given.timeout ?? given.interval',
    killedBy: {
      file: 'test/gateway/policy-requests.unit.test.ts',
      title: 'it is shown in the form in which it is written',
    },
  },
];
