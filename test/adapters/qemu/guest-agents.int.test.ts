import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SimulatedClock, systemRandom } from '../../../src/actors/clock.ts';
import type { GuestAnswer } from '../../../src/actors/contracts/guest-agent.ts';
import { AGENT_ANSWER_MAX_BYTES, AGENT_IDLE_MS, AGENT_WAITING_MAX } from '../../../src/adapters/qemu/agent-line.ts';
import { QemuGuestAgents } from '../../../src/adapters/qemu/guest-agents.ts';
import { within } from '../../contracts/log-check.ts';
import { until, wanted } from '../../contracts/prober.world.ts';
import { type FakeAgent, startFakeAgent } from './fake-agent.ts';

/** What an agent may do wrong, over a socket such as QEMU's: nothing of it blames the workload or costs the host more than a bound. */

const REF = { instance: '01fakeagent000000000000000', run: 1 };
const TIMEOUT_MS = 2_000;
const PATIENCE_MS = 30_000;
const LATE_WORD = Buffer.from('late\n').toString('base64');

describe('an agent', () => {
  let clock: SimulatedClock;
  let agent: FakeAgent;
  let agents: QemuGuestAgents;
  let does: (agent: FakeAgent, id: string) => void;
  let gone: Set<() => void>;

  beforeEach(async () => {
    clock = new SimulatedClock(Date.UTC(2026, 0, 1, 12));
    does = () => undefined;
    gone = new Set();
    agent = await startFakeAgent((own, id) => does(own, id));
    agents = new QemuGuestAgents({
      clock,
      random: systemRandom(),
      directoryOf: () => agent.directory,
      isOpen: async () => true,
      onGone: (_ref, listener) => {
        gone.add(listener);
        return () => gone.delete(listener);
      },
    });
  });
  afterEach(async () => {
    agents.close();
    await agent.close();
  });

  const exec = (command = ['true']): Promise<GuestAnswer> =>
    agents.exec(REF, { command, timeout_ms: TIMEOUT_MS }, wanted());
  const soon = (answer: Promise<GuestAnswer>): Promise<GuestAnswer> => within('an answer', answer, PATIENCE_MS);
  const comes = async (good: () => boolean): Promise<void> => expect(await until(good, PATIENCE_MS)).toBe(true);
  const isAsked = (times: number): Promise<void> => comes(() => agent.asked.length === times);
  /** What is answered when the time of a command that was given to it is up. */
  const inTime = async (answer: Promise<GuestAnswer>): Promise<GuestAnswer> => {
    await clock.settle();
    await clock.advance(TIMEOUT_MS);
    return soon(answer);
  };
  const unavailable = (reason: RegExp) => ({ answer: 'unavailable', reason: expect.stringMatching(reason) });

  it('answers with the status of the program', async () => {
    does = (own, id) => own.say(`agent one\n${id} taken\n${id} 3 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 3 });
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 3 });
    expect(agent.connections()).toBe(1);
  });

  it('that has taken a command and does not answer is late; one that has not taken it says nothing', async () => {
    does = (own, id) => own.say(`${id} taken\n`);
    const taken = exec();
    await isAsked(1);
    expect(await inTime(taken)).toEqual({ answer: 'late' });
  });

  it('of an older kind, which does not say that it has taken a command, is believed only when it answers', async () => {
    does = (own, id) => own.say(`${id} 0 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
    does = () => undefined;
    const asked = exec();
    await isAsked(2);
    expect(await inTime(asked)).toEqual(unavailable(/did not take the command in time/));
  });

  it('whose own clock was quicker than the host says that the program was late', async () => {
    does = (own, id) => own.say(`${id} taken\n${id} 137 ${LATE_WORD}\n`);
    expect(await soon(exec())).toEqual({ answer: 'late' });
    does = (own, id) => own.say(`${id} taken\n${id} 137 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 137 });
  });

  it('that begins anew in the middle of a command says nothing about it', async () => {
    does = (own, id) => own.say(`agent one\n${id} taken\nagent two\n`);
    expect(await soon(exec())).toEqual(unavailable(/was lost/));
    does = (own, id) => own.say(`${id} taken\nagent three\n`);
    expect(await soon(exec())).toEqual(unavailable(/was lost/));
  });

  it('that greets again and is the same has lost nothing', async () => {
    does = (own, id) => own.say(`agent one\n${id} taken\nagent one\n${id} 0 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
  });

  it('whose port is closed by the guest says nothing about the command under way, and is connected to anew', async () => {
    const asked = exec();
    await isAsked(1);
    for (const listener of gone) listener();
    expect(await soon(asked)).toEqual(unavailable(/was lost/));
    does = (own, id) => own.say(`${id} 0 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
    expect([agent.connections(), gone.size]).toEqual([2, 1]);
  });

  it('is given one command at a time, and the next one when it has said how that ended, however late', async () => {
    const first = exec();
    await isAsked(1);
    expect(await inTime(first)).toMatchObject({ answer: 'unavailable' });
    const second = exec();
    await clock.advance(TIMEOUT_MS / 2);
    does = (own, id) => own.say(`${id} taken\n${id} 1 \n`);
    expect(agent.asked).toHaveLength(1);
    agent.say(`${agent.asked[0]} taken\n${agent.asked[0]} 137 ${LATE_WORD}\n`);
    expect(await soon(second)).toEqual({ answer: 'ended', code: 1 });
  });

  it('that reads nothing is sent one command, whatever is asked meanwhile, and is tried anew after a while', async () => {
    const long = ['true', 'x'.repeat(4_096)];
    agent.hang();
    const seen = new Set<string>();
    for (let asked = 0; asked < 100; asked++) {
      const answer = await inTime(exec(long));
      seen.add(answer.answer === 'unavailable' ? answer.reason : answer.answer);
    }
    expect([...seen]).toEqual([
      'the guest agent did not take the command in time',
      'the guest agent was busy with an earlier command',
      // Given up and connected to anew.
      'the guest agent or the connection to it was lost',
    ]);
    expect(agent.connections()).toBeLessThanOrEqual(1 + (100 * TIMEOUT_MS) / AGENT_IDLE_MS);
  });

  it('is waited for by a bounded number of commands', async () => {
    const asked = Array.from({ length: AGENT_WAITING_MAX + 2 }, () => exec());
    expect(await soon(asked.at(-1)!)).toEqual(unavailable(/8 commands wait for the guest agent already/));
    await clock.advance(TIMEOUT_MS);
    const answers = await Promise.all(asked.map(soon));
    expect(answers.map(({ answer }) => answer)).toEqual(answers.map(() => 'unavailable'));
    expect(agent.asked).toHaveLength(1);
  });

  it('that writes lines without an end is read up to a bound, and then left', async () => {
    does = (own) => own.say('rubbish\n'.repeat(AGENT_ANSWER_MAX_BYTES / 4));
    expect(await soon(exec())).toEqual(unavailable(/was lost/));
    await comes(() => agent.open() === 0);
  });

  it('that writes a line without an end is read up to a bound, and then left', async () => {
    does = (own) => own.say('x'.repeat(2 * AGENT_ANSWER_MAX_BYTES));
    expect(await soon(exec())).toEqual(unavailable(/was lost/));
  });

  it('that goes on writing while nobody asks is left', async () => {
    does = (own, id) => own.say(`${id} 0 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
    agent.say('rubbish\n'.repeat(AGENT_ANSWER_MAX_BYTES / 4));
    await comes(() => agent.open() === 0);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
  });

  it('that says what makes no sense has said nothing', async () => {
    const senseless = (id: string): string[] => [
      'another 0 ',
      `${id}`,
      `${id} -1 `,
      `${id} 256 `,
      `${id} 0x0 `,
      `${id} 1000 `,
      `${id} 0 b3V0 more`,
      `${id} done`,
      '\u0000\u001b[2J',
      ' ',
    ];
    does = (own, id) => own.say(`${senseless(id).join('\n')}\n${id} 7 \n`);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 7 });
  });

  it('that nobody asks for a while is left, so that others may ask it', async () => {
    does = (own, id) => own.say(`${id} 0 \n`);
    await soon(exec());
    await clock.advance(AGENT_IDLE_MS);
    await comes(() => agent.open() === 0);
    expect(await soon(exec())).toEqual({ answer: 'ended', code: 0 });
  });
});
