import { describe, expect, it } from 'vitest';
import type { GuestAgents, GuestAnswer } from '../../../src/actors/contracts/guest-agent.ts';
import { createExecProber } from '../../../src/adapters/probes/exec-prober.ts';
import { checkOf, wanted } from '../../contracts/prober.world.ts';

/** What an exec check makes of the answers of an agent. */

const guest = { instance: 'web', run: 1, address: null, ports: [] };
const check = checkOf({ type: 'exec', command: ['ready'] });

function proberOver(...answers: GuestAnswer[]) {
  const asked: string[] = [];
  const agents: GuestAgents = {
    exec: async ({ run }, { command }) => {
      asked.push(`${run}: ${command.join(' ')}`);
      return answers[asked.length - 1]!;
    },
  };
  return { asked, ask: () => createExecProber({ agents }).probe(guest, check, wanted()) };
}

describe('an agent', () => {
  it('that is not there yet says nothing about the guest, and is looked for again by the next probe', async () => {
    const { asked, ask } = proberOver({ answer: 'unavailable', reason: 'no agent yet' }, { answer: 'ended', code: 0 });
    expect(await ask()).toEqual({ result: 'unavailable', error: 'no agent yet' });
    expect(await ask()).toEqual({ result: 'passed' });
    expect(asked).toEqual(['1: ready', '1: ready']);
  });
});

describe('a program', () => {
  it('passes with status 0 and nothing else, and fails when it does not end in time', async () => {
    const { ask } = proberOver({ answer: 'ended', code: 0 }, { answer: 'ended', code: 7 }, { answer: 'late' });
    expect(await ask()).toEqual({ result: 'passed' });
    expect(await ask()).toEqual({ result: 'failed', error: 'exit status 7' });
    expect(await ask()).toEqual({ result: 'failed', error: 'the command did not end in time' });
  });
});
