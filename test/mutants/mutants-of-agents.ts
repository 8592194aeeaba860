import type { Mutant } from './mutant.ts';

/** Defects in how the agents of guests are asked. */

const LINE = 'src/adapters/qemu/agent-line.ts';
const AGENTS = 'src/adapters/qemu/guest-agents.ts';

const played = (title: string) => ({ file: 'test/adapters/qemu/guest-agents.int.test.ts', title });

export const MUTANTS_OF_AGENTS: readonly Mutant[] = [
  {
    name: 'an agent that hangs is sent one command after the other',
    file: LINE,
    find: 'const question = this.#underWay === null ? this.#waiting.shift() : undefined;',
    put: 'const question = this.#waiting.shift();',
    killedBy: played(
      'that reads nothing is sent one command, whatever is asked meanwhile, and is tried anew after a while',
    ),
  },
  {
    name: 'an agent that died with a command blames the workload',
    file: LINE,
    find: 'if (isAnother || (this.#nonce === null && this.#underWay?.isTaken === true)) this.#lose();',
    put: '',
    killedBy: played('that begins anew in the middle of a command says nothing about it'),
  },
  {
    name: 'what a guest writes unasked is read without an end',
    file: LINE,
    find: 'if (this.#mayRead < 0) this.close();',
    put: '',
    killedBy: played('that goes on writing while nobody asks is left'),
  },
  {
    name: 'nobody hears that the port of an agent was closed',
    file: AGENTS,
    find: 'onGone(guest, () => line.close())',
    put: 'onGone(guest, () => undefined)',
    killedBy: played(
      'whose port is closed by the guest says nothing about the command under way, and is connected to anew',
    ),
  },
  {
    name: 'a program that the guest has ended in time is shown as killed by somebody',
    file: AGENTS,
    find: "return saysLate(reply.output) ? { answer: 'late' } : { answer: 'ended', code: reply.code };",
    put: "return { answer: 'ended', code: reply.code };",
    killedBy: played('whose own clock was quicker than the host says that the program was late'),
  },
  {
    name: 'a guest that is slow is told the time once',
    file: 'src/adapters/qemu/snapshots/guest-clock.ts',
    find: 'if (now() - sentAt <= SLOW_MS) break;',
    put: 'break;',
    killedBy: {
      file: 'test/adapters/qemu/guest-clock.int.test.ts',
      title:
        'is told it again while its answers take long, with the time of then; how wrong it was is what it said first',
    },
  },
];
