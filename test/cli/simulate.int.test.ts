import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectDir } from '../architecture/project-files.ts';
import { simulateFile, simulateText } from './simulated-scenario.ts';

const example = join(projectDir, 'test', 'scenarios', 'first-example.yaml');

const started = `instances:
  web: { boot: 1s, restart_policy: { policy: on_failure, backoff: 5s } }
timeline:
  - { at: 0s, do: start }
  - { at: 3s, guest: { exit: 1 } }
until: 1m
`;

describe('an expectation that does not hold', () => {
  test('ends the command with 1 and is named with what was expected and what is', async () => {
    const { code, out } = await simulateText(
      `${started}expect:\n  - { at: 4s, view: { state: Stopped, restart_status: { attempts: 2 } } }\n  - { boots: 2 }\n`,
    );
    expect(code).toBe(1);
    expect(out).toContain('FAILS expect[1] (line 8) view of web at +4s');
    expect(out).toContain('state: expected "Stopped", is "Running"');
    expect(out).toContain('restart_status.attempts: expected 2, is 1');
    expect(out).toContain('ok    expect[2] (line 9) boots');
  });

  test.for([
    ['a boot too few', '{ boots: { web: 3 } }', 'boots.web: expected 3, is 2'],
    ['a restore', '{ restores: 1 }', 'restores: expected 1, is 0'],
    ['a fact that never was', '{ fact: restart.blocked }', 'expected "at least 1", is []'],
    ['a fact counted wrong', '{ fact: restart.attempted, count: 2 }', 'expected 2, is ["+3s web"]'],
    ['a fact at another time', '{ fact: restart.attempted, at: 4s }', 'expected "at least 1", is []'],
    ['a fact that was not to be', '{ never: { fact: restart.attempted } }', 'expected 0, is ["+3s web"]'],
    ['a fact within a closed interval', '{ never: { fact: restart.attempted, between: [3s, 3s] } }', 'is ["+3s web"]'],
    ['an instant', '{ view: { restart_status: { last_attempt_at: +4s } } }', 'expected "+4s", is "+3s"'],
    ['something that is there', '{ view: { restart_policy: null } }', 'restart_policy: expected null'],
    ['an instance that is there', '{ view: null }', 'expected null'],
    ['a refusal', '{ refused: invalid_state }', 'expected "at least 1", is []'],
  ])('fails for %s', async ([, expectation, message]) => {
    const { code, out } = await simulateText(`${started}expect:\n  - ${expectation}\n`);
    expect(out).toContain(message);
    expect(code).toBe(1);
  });
});

describe('a file that cannot be run ends the command with 2 and tells line and column', () => {
  test.for([
    ['no YAML', 'instances: [', 'scenario.yaml:1:13:'],
    ['a key twice', 'instances:\n  web: {}\n  web: {}\n', 'scenario.yaml:3:3:'],
    ['nothing', '', 'scenario.yaml:1:1: the scenario: expected object'],
    ['no instances', 'instances: {}\n', 'scenario.yaml:1:12: instances: must name at least one instance'],
    ['an unknown key', 'instances:\n  web: {}\nuntill: 1h\n', 'scenario.yaml:3:1: untill is not known here'],
    ['a bad name', 'instances:\n  We_b: {}\n', 'scenario.yaml:2:9: instances.We_b'],
    [
      'a bad duration',
      `${started}expect:\n  - { at: soon, view: {} }\n`,
      'scenario.yaml:8:11: expect[1].at: is not a duration',
    ],
    [
      'a policy with a typo',
      'instances:\n  web: { restart_policy: { policy: always, backof: 5s } }\n',
      'scenario.yaml:2:44: instances.web: restart_policy.backof',
    ],
    [
      'a policy out of range',
      'instances:\n  web:\n    restart_policy: { policy: always, max_attempts: -1 }\n',
      'scenario.yaml:3:39: instances.web: restart_policy.max_attempts',
    ],
    [
      'an unknown command',
      'instances:\n  web: {}\ntimeline:\n  - { at: 0s, do: begin }\n',
      'scenario.yaml:4:19: timeline[1].do: must be start',
    ],
    [
      'an update with a typo',
      'instances:\n  web: {}\ntimeline:\n  - { at: 0s, do: { update: { restart: {} } } }\n',
      'scenario.yaml:4:31: timeline[1].do.update',
    ],
    [
      'a line that says nothing',
      'instances:\n  web: {}\ntimeline:\n  - { at: 0s }\n',
      'scenario.yaml:4:5: timeline[1] needs one of',
    ],
    [
      'a line that says two things',
      'instances:\n  web: {}\ntimeline:\n  - { at: 0s, do: start, probe: fail }\n',
      'scenario.yaml:4:26: timeline[1] has both do and probe',
    ],
    [
      'a line for nobody',
      'instances:\n  a: {}\n  b: {}\ntimeline:\n  - { at: 0s, do: start }\n',
      'scenario.yaml:5:5: timeline[1] must name its instance',
    ],
    [
      'a line for another',
      'instances:\n  a: {}\ntimeline:\n  - { at: 0s, do: start, instance: b }\n',
      'scenario.yaml:4:36: there is no instance b',
    ],
    [
      'a line after the end',
      `${started}expect: []\n`.replace('at: 3s', 'at: 3h'),
      'scenario.yaml:5:11: timeline[2] comes after the end',
    ],
    [
      'an expectation after the end',
      `${started}expect:\n  - { at: 2m, view: {} }\n`,
      'scenario.yaml:8:5: expect[1] names a time after the end',
    ],
    [
      'a fact that does not exist',
      `${started}expect:\n  - { never: { fact: instance.bootet } }\n`,
      'scenario.yaml:8:22: expect[1].never.fact',
    ],
    [
      'a daemon killed while it is down',
      'instances:\n  a: {}\ntimeline:\n  - { at: 1s, daemon: kill, down: 5s }\n  - { at: 3s, daemon: kill }\n',
      'scenario.yaml:5:5: the daemon is still down',
    ],
    [
      'an image that does not exist',
      'instances:\n  a: { image: nowhere }\n',
      'scenario.yaml:2:8: instances.a: the simulator knows no image',
    ],
    [
      'a host port taken twice',
      'instances:\n  a: { network: { ports: [{ guest_port: 80, host_port: 20001 }] } }\n  b: { network: { ports: [{ guest_port: 80, host_port: 20001 }] } }\n',
      'scenario.yaml:3:6: instances.b: Host port 20001 is taken',
    ],
    [
      'no end',
      'instances:\n  a: { restart_policy: { policy: always, backoff: 1ms } }\ntimeline:\n  - { at: 0s, hypervisor: { boot: fail } }\n  - { at: 0s, do: start }\nuntil: 24h\n',
      'nothing here comes to rest',
    ],
  ])('%s', async ([, text, message]) => {
    const { code, out, err } = await simulateText(text!, { recordsMax: 1_000 });
    expect(err).toContain(message);
    expect(out).toBe('');
    expect(code).toBe(2);
  });

  test('a file that is not there', async () => {
    const { code, err } = await simulateFile(join(projectDir, 'test', 'scenarios', 'not-there.yaml'));
    expect(err).toContain('cannot be read');
    expect(code).toBe(2);
  });
});

interface Document {
  readonly starts_at: string;
  readonly until: string;
  readonly passed: boolean;
  readonly expectations: readonly { readonly line: number; readonly passed: boolean }[];
  readonly views: Readonly<Record<string, { readonly state: string; readonly auto_standby_status: unknown } | null>>;
  readonly boots: Readonly<Record<string, number>>;
  readonly records: readonly {
    readonly stream: string;
    readonly version: number;
    readonly facts: readonly unknown[];
  }[];
}

describe('what is printed', () => {
  test('is the same to the last byte for the same file, ids included', async () => {
    const first = await simulateFile(example, { json: true });
    expect(await simulateFile(example, { json: true })).toEqual(first);
    expect(await simulateFile(example)).toEqual(await simulateFile(example));
  });

  test('with --json are the records of the log without gaps, the final views and every expectation', async () => {
    const { code, out } = await simulateFile(example, { json: true });
    const document = JSON.parse(out) as Document;
    expect(code).toBe(0);
    expect(document).toMatchObject({ starts_at: '2026-01-01T12:00:00.000Z', until: '+1h0m0s', passed: true });
    expect(document.records.map(({ version }) => version)).toEqual(document.records.map((_, index) => index + 1));
    expect(document.views.web).toMatchObject({ state: 'Stopped', auto_standby_status: { status: 'ineligible' } });
    expect(document.boots).toEqual({ web: 2 });
    expect(document.expectations.every(({ passed }) => passed)).toBe(true);
  });

  test('with --json tells where a failing expectation stands', async () => {
    const { code, out } = await simulateText(`${started}expect:\n  - { boots: 5 }\n`, { json: true });
    const document = JSON.parse(out) as Document;
    expect(code).toBe(1);
    expect(document).toMatchObject({ passed: false, expectations: [{ line: 8, column: 5, passed: false }] });
  });

  test('for people is a timeline: when, who, what happened, what was decided and the state after it', async () => {
    const { out } = await simulateText(started);
    expect(out).toContain('+3s  web  > guest: exit 1');
    expect(out).toContain('+3s  web  run 1 ends: power_off code 1  [Stopped (held)]');
    expect(out).toContain('restart.attempted attempt=1 cause=exit');
    expect(out).toContain('asks for host.admit');
    expect(out).toContain('the host has room  [Initializing (booting)]');
    expect(out).toContain('asks for vmm.boot');
    expect(out).toContain('web  Running (running), booted 2 times');
  });
});

test('without until a scenario goes on for ten minutes after the last time it names', async () => {
  const { out } = await simulateText(started.replace('until: 1m\n', ''), { json: true });
  expect((JSON.parse(out) as Document).until).toBe('+10m3s');
});
