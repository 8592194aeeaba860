/** Goal: one precedence for file, environment and flags, and errors that show the way. Method: small tables and files. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { ConfigError } from '../../../src/cli/config/config-error.ts';
import { dataOfDaemon } from '../../../src/cli/config/data-of-daemon.ts';
import { loadConfig, loadSettings } from '../../../src/cli/config/load-config.ts';
import { attributeOf, flagOf, option, variableOf } from '../../../src/cli/config/option.ts';
import { SETTINGS, settingsOf } from '../../../src/cli/config/settings.ts';
import { HIDDEN, shownSettings } from '../../../src/cli/config/show-config.ts';

const known = settingsOf({
  data: option({ schema: z.string(), default: '.data', about: 'where', expects: 'a directory', outside: true }),
  size: option({ schema: z.int().positive(), default: 1, about: 'how much', expects: 'a whole number above 0' }),
  loud: option({ schema: z.boolean(), default: false, about: 'how', expects: 'true or false' }),
  'bridge.range': option({ schema: z.string(), default: '', about: 'which', expects: 'a range' }),
  'bridge.key': option({ schema: z.string(), default: '', about: 'what', expects: 'a key', secret: true }),
  hooks: option({
    schema: z.array(z.strictObject({ url: z.url({ error: 'must be a URL' }) })),
    default: [],
    about: 'whom to tell',
    expects: 'a list of { url }',
  }),
});

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'statevisor-config-'));
  file = join(directory, 'file.yaml');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Given {
  flags?: Record<string, unknown>;
  environment?: Record<string, string>;
  text?: string;
}

function load({ flags = {}, environment = {}, text }: Given) {
  if (text !== undefined) writeFileSync(file, text, { mode: 0o600 });
  const named = text === undefined ? {} : { config: file };
  return loadSettings({ flags: { ...named, ...flags }, environment, systemFile: join(directory, 'none') }, known);
}

/** What is said about it, with the path of the file left out. */
function refusalOf(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${file}:`, '').split('\n');
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('precedence', () => {
  const text = 'size: 2\n';
  const environment = { STATEVISOR_SIZE: '3' };
  test.for([
    ['nothing is said', {}, 1, 'default'],
    ['the file says it', { text }, 2, 'FILE:1'],
    ['file and environment say it', { text, environment }, 3, 'STATEVISOR_SIZE'],
    ['all three say it', { text, environment, flags: { size: '4' } }, 4, '--size'],
    ['the variable is empty', { text, environment: { STATEVISOR_SIZE: '' } }, 2, 'FILE:1'],
  ] as const)('%s', ([, given, size, origin]) => {
    const effective = load(given);
    expect(effective.config.size).toBe(size);
    expect(effective.origins.get('size')?.replace(file, 'FILE')).toBe(origin);
  });

  test('a switch is turned off by its opposite, also when the file turns it on', () => {
    const effective = load({ text: 'loud: true', flags: { loud: false } });
    expect([effective.config.loud, effective.origins.get('loud')]).toEqual([false, '--no-loud']);
  });

  test('groups, lists and numbers can be given everywhere', () => {
    const text = 'bridge:\n  range: a\nhooks:\n  - url: http://one\n';
    expect(load({ text }).config).toMatchObject({ 'bridge.range': 'a', hooks: [{ url: 'http://one' }] });
    const environment = { STATEVISOR_BRIDGE_RANGE: '5', STATEVISOR_HOOKS: '[{ url: http://two }]' };
    expect(load({ environment }).config).toMatchObject({ 'bridge.range': '5', hooks: [{ url: 'http://two' }] });
  });

  test('an empty file and one of comments are in order', () => {
    expect(load({ text: '' }).config.size).toBe(1);
    expect(load({ text: '# nothing\n' }).config.size).toBe(1);
  });
});

describe('which file is read', () => {
  const systemFile = (): string => join(directory, 'system.yaml');
  const sizeOf = (flags: Record<string, unknown>): unknown =>
    loadSettings({ flags, environment: {}, systemFile: systemFile() }, known).config.size;

  test('the named one, else that of the data directory, else the one of the system', () => {
    const data = join(directory, 'data');
    expect(sizeOf({ data })).toBe(1);
    writeFileSync(systemFile(), 'size: 5\n');
    expect(sizeOf({ data })).toBe(5);
    mkdirSync(data);
    writeFileSync(join(data, 'config.yaml'), 'size: 6\n');
    expect(sizeOf({ data })).toBe(6);
    writeFileSync(file, 'size: 7\n');
    expect(sizeOf({ data, config: file })).toBe(7);
  });

  test('a named file that is not there is an error, not nothing', () => {
    expect(() => sizeOf({ config: join(directory, 'gone.yaml') })).toThrow(/gone\.yaml: cannot be read/);
  });

  test('a file inside the data directory cannot say where that is', () => {
    writeFileSync(join(directory, 'config.yaml'), 'size: 1\ndata: /elsewhere\n');
    expect(() => sizeOf({ data: directory })).toThrow(/config\.yaml:2:1: data: cannot stand in a file inside/);
  });

  test("other commands find the daemon's directory by the same rule", () => {
    writeFileSync(systemFile(), 'data: /from/file\n');
    expect(dataOfDaemon('/from/flag', { STATEVISOR_DATA: '/from/variable' }, systemFile())).toBe('/from/flag');
    expect(dataOfDaemon(undefined, { STATEVISOR_DATA: '/from/variable' }, systemFile())).toBe('/from/variable');
    expect(dataOfDaemon(undefined, {}, systemFile())).toBe('/from/file');
    expect(dataOfDaemon(undefined, {}, join(directory, 'none'))).toBe('.statevisor');
  });
});

describe('refusals', () => {
  test('name line, column and key, and what was expected, all at once and in the order of the file', () => {
    const text = 'loud: maybe\nsiez: 3\nbridge:\n  rnage: a\nsize:\n  - 1\n';
    expect(refusalOf({ text })).toEqual([
      '1:7: loud: expected true or false',
      '2:1: siez: there is no such key; did you mean size?',
      '4:3: bridge.rnage: there is no such key; did you mean bridge.range?',
      '6:3: size: expected a whole number above 0',
    ]);
  });

  test('a key like no other is told which there are', () => {
    expect(refusalOf({ text: 'bridge: { whatever: 1 }' })).toEqual([
      '1:11: bridge.whatever: there is no such key; there are range, key',
    ]);
  });

  test('a group that is none, a part of a list, and text that is no YAML', () => {
    expect(refusalOf({ text: 'bridge: 5' })).toEqual(['1:9: bridge: expected a group of keys: range, key']);
    expect(refusalOf({ text: 'hooks:\n  - url: no\n' })).toEqual(['2:10: hooks.0.url: must be a URL']);
    expect(refusalOf({ text: '- a\n' })).toEqual(['1:1: expected a group of keys: data, size, loud, bridge, hooks']);
    expect(refusalOf({ text: 'size: [\n' })[0]).toMatch(/^2:1: /);
  });

  test('a flag and a variable are named as they were given, and their value is not repeated', () => {
    const environment = { STATEVISOR_HOOKS: 'secret-in-the-wrong-place' };
    expect(refusalOf({ flags: { size: 'many' }, environment })).toEqual([
      '--size: expected a whole number above 0',
      'STATEVISOR_HOOKS: expected a list of { url }',
    ]);
  });
});

describe('what is only noted', () => {
  test('variables that look like settings, with what was meant', () => {
    const environment = { STATEVISOR_SIZ: '1', STATEVISOR_SERVICE_HOST: 'x', STATEVISOR_URL: 'y', OTHER: 'z' };
    expect(load({ environment }).notes).toEqual([
      'STATEVISOR_SIZ in the environment is no setting and is ignored; did you mean STATEVISOR_SIZE?',
      'STATEVISOR_SERVICE_HOST in the environment is no setting and is ignored',
    ]);
  });

  test('a file with a secret that others can read', () => {
    const text = 'bridge: { key: s3cret }\n';
    expect(load({ text }).notes).toEqual([]);
    chmodSync(file, 0o644);
    expect(load({ text }).notes).toEqual([
      `${file} holds bridge.key, and others on this machine can read it: chmod 600 ${file}`,
    ]);
  });
});

describe('what is shown', () => {
  test('every setting with where it comes from, and no secret', () => {
    const text =
      'bridge: { key: s3cret, range: "nats://me:s3cret@host" }\nhooks: [{ url: "http://me:s3cret@host/" }]\n';
    const shown = shownSettings(load({ text }), known);
    expect(JSON.stringify(shown)).not.toContain('s3cret');
    expect(shown.map(({ key }) => key)).toEqual(known.keys);
    expect(shown.find(({ key }) => key === 'bridge.key')).toEqual({
      key: 'bridge.key',
      value: HIDDEN,
      from: `${file}:1`,
    });
  });
});

describe('a URL that is shown', () => {
  test.for([
    ['nats://me:p@s3cret@host:4222', `nats://${HIDDEN}@host:4222`],
    ['nats://me:@@s3cret@@host', `nats://${HIDDEN}@host`],
    ['nats://s3cret@one,nats://s3cret@two', `nats://${HIDDEN}@one,nats://${HIDDEN}@two`],
    ['nats://host/a@b?c@d', 'nats://host/a@b?c@d'],
    ['http://host#a@b', 'http://host#a@b'],
  ])('%s is shown as %s', ([given, seen]) => {
    const shown = shownSettings(load({ text: `bridge: { range: "${given}" }\n` }), known);
    expect(shown.find(({ key }) => key === 'bridge.range')?.value).toBe(seen);
  });
});

describe('the settings of the daemon', () => {
  test.for([
    ['flag', flagOf],
    ['variable', variableOf],
    ['name for commander', attributeOf],
  ] as const)('no two share a %s', ([, nameOf]) => {
    expect(new Set(SETTINGS.keys.map(nameOf)).size).toBe(SETTINGS.keys.length);
  });

  test('names correspond by rule', () => {
    const names = [flagOf, variableOf, attributeOf].map((nameOf) => nameOf('bridge.range_start'));
    expect(names).toEqual(['--bridge-range-start', 'STATEVISOR_BRIDGE_RANGE_START', 'bridgeRangeStart']);
  });

  test('every default is one that could stand in the file', () => {
    const { config } = loadConfig({ flags: {}, environment: {}, systemFile: join(directory, 'none') });
    expect(config.listen).toEqual({ host: '127.0.0.1', port: 7070 });
    for (const key of SETTINGS.keys) {
      const { default: value, expects, about } = SETTINGS.option(key);
      if (value !== null) expect(SETTINGS.option(key).schema.safeParse(value).success, key).toBe(true);
      expect(`${about}${expects}`.length, key).toBeGreaterThan(10);
    }
  });

  test.for(['127.0.0.1', ':1', 'host:', 'host:70000', 'host:-1', '::1:5'])('%s is no address to listen on', (text) => {
    expect(SETTINGS.option('listen').schema.safeParse(text).success).toBe(false);
  });

  test('an IPv6 address stands in brackets', () => {
    expect(SETTINGS.option('listen').schema.parse('[::1]:0')).toEqual({ host: '::1', port: 0 });
  });
});
