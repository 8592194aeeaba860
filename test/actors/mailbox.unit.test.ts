import { describe, expect, it } from 'vitest';
import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { SYSTEM_CAUSE } from '../../machines/record.ts';
import { type Class, type Letter, MAILBOX_COMMANDS_MAX, Mailbox } from '../../src/actors/mailbox.ts';

function letter(letterClass: Class, event: Unstamped<ExternalEvent>): Letter {
  return { class: letterClass, event, cause: SYSTEM_CAUSE, answer: null };
}

const command = (): Letter => letter('command', { type: 'start', by: 'ann' });
const probe = (run: number, revision: number, error: string): Letter =>
  letter('observation', { type: 'probe.failed', window: { run, revision }, error });
const exit = (run: number): Letter =>
  letter('observation', { type: 'vmm.exited', run, reason: 'crashed', code: null, message: null, ended_at: null });
const result = (): Letter => letter('result', { type: 'effect.done', effect: 'a/1/0', kind: 'vmm.boot', run: 1 });

function full(): Mailbox {
  const mailbox = new Mailbox();
  for (let n = 0; n < MAILBOX_COMMANDS_MAX; n++) mailbox.put(command());
  return mailbox;
}

function eventsIn(mailbox: Mailbox): string[] {
  const types: string[] = [];
  for (let next = mailbox.take(); next !== undefined; next = mailbox.take()) types.push(next.event.type);
  return types;
}

describe('the mailbox', () => {
  it('gives letters out in the order in which they came, whatever their class', () => {
    const mailbox = new Mailbox();
    for (const one of [command(), exit(1), result()]) expect(mailbox.put(one)).toBe(true);
    expect(eventsIn(mailbox)).toEqual(['start', 'vmm.exited', 'effect.done']);
    expect(mailbox.take()).toBeUndefined();
  });

  it('refuses a command when as many commands as it may hold are waiting, and takes one again after the next is out', () => {
    const mailbox = full();
    expect(mailbox.put(command())).toBe(false);
    expect(mailbox.size).toBe(MAILBOX_COMMANDS_MAX);
    mailbox.take();
    expect(mailbox.put(command())).toBe(true);
    expect(mailbox.put(command())).toBe(false);
  });

  it('has room for results, exits and timers when it is full of commands', () => {
    const mailbox = full();
    const timer = letter('timer', { type: 'timer.backoff', due: 1, armed: 1 });
    for (const owed of [result(), exit(1), timer]) expect(mailbox.put(owed)).toBe(true);
    expect(mailbox.size).toBe(MAILBOX_COMMANDS_MAX + 3);
  });

  it('does not count what is no command towards the bound of commands', () => {
    const mailbox = new Mailbox();
    for (let run = 1; run <= MAILBOX_COMMANDS_MAX; run++) mailbox.put(exit(run));
    expect(mailbox.put(command())).toBe(true);
  });

  it('keeps only the newest probe of one window, at the place of the first', () => {
    const mailbox = new Mailbox();
    for (const one of [probe(1, 0, 'first'), exit(1), probe(1, 0, 'second')]) mailbox.put(one);
    expect(mailbox.size).toBe(2);
    expect(mailbox.take()?.event).toMatchObject({ type: 'probe.failed', error: 'second' });
  });

  it('tells that a letter was dealt with when a newer one takes its place, so that nothing is kept back for it', () => {
    const mailbox = new Mailbox();
    const settled: number[] = [];
    const due = (minute: number): Letter => ({
      ...letter('observation', { type: 'schedule.due', schedule: 'snapshot', minute }),
      settled: () => settled.push(minute),
    });
    for (const minute of [1, 2]) mailbox.put(due(minute));
    expect(settled).toEqual([1]);
    // An earlier minute that is told late takes the place of none.
    mailbox.put(due(1));
    expect([settled, mailbox.size]).toEqual([[1, 1], 1]);
    expect(mailbox.take()?.event).toMatchObject({ minute: 2 });
  });

  it('keeps probes of different runs and of different revisions of the check apart', () => {
    const mailbox = new Mailbox();
    for (const one of [probe(1, 0, 'a'), probe(2, 0, 'b'), probe(1, 1, 'c')]) mailbox.put(one);
    expect(mailbox.size).toBe(3);
  });

  it('keeps only the newest word on the traffic of a run, active or idle', () => {
    const mailbox = new Mailbox();
    mailbox.put(letter('observation', { type: 'traffic.active', run: 1, connections: 2 }));
    mailbox.put(letter('observation', { type: 'traffic.idle', run: 1 }));
    mailbox.put(letter('observation', { type: 'traffic.idle', run: 2 }));
    expect(eventsIn(mailbox)).toEqual(['traffic.idle', 'traffic.idle']);
  });

  it('never merges exits, results or commands', () => {
    const mailbox = new Mailbox();
    for (const one of [exit(1), exit(1), result(), result(), command(), command()]) mailbox.put(one);
    expect(mailbox.size).toBe(6);
  });

  it('hands out everything at the end, and then takes commands as if empty', () => {
    const mailbox = full();
    expect(mailbox.drain()).toHaveLength(MAILBOX_COMMANDS_MAX);
    expect(mailbox.size).toBe(0);
    expect(mailbox.put(command())).toBe(true);
  });
});
