import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { debianPackages, packagesToRun } from '../../bin/debian-packages.js';
import { installationPlan } from '../../bin/installation-plan.js';
import { missingDebianPackages, prepareDebian } from '../../bin/prepare-debian.js';
import { findNode, npmStaleness, prepareNpm } from '../../bin/prepare-npm.js';
import type { Run } from '../../bin/processes.js';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'statevisor-prepare-'));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

/** A runner that runs nothing: it notes each command line and answers what the test says. */
function recordingRun(answer: (line: string) => { status?: number; stdout?: string } = () => ({})) {
  const lines: string[] = [];
  const run: Run = (command, args) => {
    const line = [command, ...args].join(' ');
    lines.push(line);
    return { status: 0, stdout: '', ...answer(line) };
  };
  return { run, lines };
}

const said: string[] = [];
const say = (line: string): void => void said.push(line);
beforeEach(() => {
  said.length = 0;
});

function writeLocks(wanted: Record<string, unknown>, installed: Record<string, unknown> | null): void {
  writeFileSync(join(dir, 'package-lock.json'), JSON.stringify({ packages: { '': {}, ...wanted } }));
  if (installed === null) return;
  for (const path of Object.keys(installed)) mkdirSync(join(dir, path), { recursive: true });
  mkdirSync(join(dir, 'node_modules'), { recursive: true });
  writeFileSync(join(dir, 'node_modules', '.package-lock.json'), JSON.stringify({ packages: installed }));
}

describe('npm packages', () => {
  const pino = { 'node_modules/pino': { version: '10.4.0' } };

  test('a fresh clone is stale', () => {
    writeLocks(pino, null);
    expect(npmStaleness(dir)).toBe('nothing is installed yet');
  });

  test('what the lock file asks for is not installed again', () => {
    writeLocks(pino, pino);
    const { run, lines } = recordingRun();
    expect(prepareNpm(dir, run, say)).toBe(true);
    expect(lines).toEqual([]);
  });

  test('another version, a missing entry and a removed folder are each stale', () => {
    writeLocks(pino, { 'node_modules/pino': { version: '9.0.0' } });
    expect(npmStaleness(dir)).toContain('wanted is 10.4.0');
    writeLocks(pino, {});
    expect(npmStaleness(dir)).toContain('node_modules/pino is missing');
    writeLocks(pino, pino);
    rmSync(join(dir, 'node_modules', 'pino'), { recursive: true });
    expect(npmStaleness(dir)).toContain('node_modules/pino is missing');
  });

  test('an optional package for another platform may be absent', () => {
    writeLocks({ ...pino, 'node_modules/lightningcss-win32': { version: '1.0.0', optional: true } }, pino);
    expect(npmStaleness(dir)).toBeNull();
  });

  test('the versions of the lock file are installed without changing it, tools for development included', () => {
    writeLocks(pino, null);
    const { run, lines } = recordingRun();
    expect(prepareNpm(dir, run, say)).toBe(true);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^npm install --no-save .*--include=dev/);
  });

  test('a failed installation is told, not passed over', () => {
    writeLocks(pino, null);
    const { run } = recordingRun(() => ({ status: 1 }));
    expect(prepareNpm(dir, run, say)).toBe(false);
    expect(said.at(-1)).toBe('npm install failed.');
  });
});

describe('the Node to run on', () => {
  const old = { execPath: '/usr/bin/node', version: '20.20.2' };
  const recent = { execPath: '/usr/bin/node', version: '26.1.0' };
  const packageDir = () => join(dir, 'node_modules', 'node');
  const placeBinary = (): void => {
    mkdirSync(join(packageDir(), 'bin'), { recursive: true });
    writeFileSync(join(packageDir(), 'bin', 'node'), '');
  };

  test('it is the pinned one when that is installed', () => {
    placeBinary();
    const { run, lines } = recordingRun();
    expect(findNode(dir, run, old)).toBe(join(packageDir(), 'bin', 'node'));
    expect(lines).toEqual([]);
  });

  test('when npm ran no install scripts, the binary is fetched by the script of its package', () => {
    mkdirSync(packageDir(), { recursive: true });
    writeFileSync(join(packageDir(), 'installArchSpecificPackage.js'), '');
    const { run, lines } = recordingRun(() => {
      placeBinary();
      return {};
    });
    expect(findNode(dir, run, old)).toBe(join(packageDir(), 'bin', 'node'));
    expect(lines).toEqual(['/usr/bin/node installArchSpecificPackage']);
  });

  test('without the pinned one only a Node that can run TypeScript will do', () => {
    const { run } = recordingRun();
    expect(findNode(dir, run, recent)).toBe('/usr/bin/node');
    expect(findNode(dir, run, old)).toBeNull();
  });
});

describe('Debian packages', () => {
  const names = debianPackages.map((wanted) => wanted.name);
  const installed = (list: readonly string[]): string => list.map((name) => `installed ${name}\n`).join('');
  const machine = (run: Run, uid = 0) => {
    const listsDir = join(dir, 'lists');
    return { uid, run, say, policyPath: join(dir, 'policy-rc.d'), listsDir };
  };
  const placeLists = (): void => {
    mkdirSync(join(dir, 'lists'), { recursive: true });
    writeFileSync(join(dir, 'lists', 'mirror_dists_main_binary-amd64_Packages.lz4'), '');
  };
  const verbs = (lines: readonly string[]): string[] =>
    lines.flatMap((line) => /^apt-get .*?\b(update|install)\b/.exec(line)?.[1] ?? []);

  test('a package that was removed but left its settings is missing', () => {
    const { run } = recordingRun(() => ({ status: 1, stdout: 'installed a\nconfig-files b\nnot-installed c\n' }));
    expect(missingDebianPackages(run, ['a', 'b', 'c', 'd'])).toEqual(['b', 'c', 'd']);
  });

  test('nothing is run when everything is there', () => {
    const { run, lines } = recordingRun(() => ({ stdout: installed(names) }));
    expect(prepareDebian(machine(run))).toEqual([]);
    expect(lines.every((line) => line.startsWith('dpkg-query'))).toBe(true);
  });

  test('only what is missing is installed, while services are forbidden to start', () => {
    placeLists();
    let there: readonly string[] = names.slice(1);
    let guarded = false;
    const { run, lines } = recordingRun((line) => {
      if (line.includes(' install ')) {
        guarded = readFileSync(join(dir, 'policy-rc.d'), 'utf8').includes('exit 101');
        there = names;
      }
      return line.startsWith('dpkg-query') ? { stdout: installed(there) } : {};
    });
    expect(prepareDebian(machine(run))).toEqual([]);
    expect(verbs(lines)).toEqual(['install']);
    expect(lines.find((line) => line.includes(' install '))).toMatch(new RegExp(`recommends ${names[0]}$`));
    expect(guarded).toBe(true);
    expect(existsSync(join(dir, 'policy-rc.d'))).toBe(false);
  });

  test('a service of a newly installed package does not start with the machine, one that was there before is left alone', () => {
    const services = debianPackages.flatMap((wanted) => wanted.service ?? []);
    const disabled = (there: readonly string[]): string[] => {
      const { run, lines } = recordingRun((line) =>
        line.startsWith('dpkg-query') ? { stdout: installed(there) } : {},
      );
      prepareDebian(machine(run));
      return lines.filter((line) => line.startsWith('systemctl'));
    };
    expect(services).toContain('nats-server.service');
    expect(disabled([])).toEqual(services.map((service) => `systemctl disable ${service}`));
    expect(disabled(['nats-server'])).toEqual([]);
  });

  test('the lists of packages are fetched first when there are none', () => {
    const { run, lines } = recordingRun();
    prepareDebian(machine(run));
    expect(verbs(lines)).toEqual(['update', 'install']);
  });

  test('old lists are fetched anew when the installation fails, once', () => {
    placeLists();
    const { run, lines } = recordingRun((line) => (line.includes(' install ') ? { status: 100 } : {}));
    expect(prepareDebian(machine(run))).toEqual(names);
    expect(verbs(lines)).toEqual(['install', 'update', 'install']);
    expect(said.at(-1)).toContain('could not be installed');
    expect(existsSync(join(dir, 'policy-rc.d'))).toBe(false);
  });

  test('an ordinary user is told what to run, and nothing is tried', () => {
    const { run, lines } = recordingRun();
    expect(prepareDebian(machine(run, 1000))).toEqual(names);
    expect(verbs(lines)).toEqual([]);
    expect(said.at(-1)).toBe(`Run as root: apt-get install --no-install-recommends ${names.join(' ')}`);
  });

  test('on a system without apt the packages are named', () => {
    const { run } = recordingRun(() => ({ status: 127 }));
    expect(prepareDebian(machine(run))).toEqual(names);
    expect(said).toEqual([
      `This machine has no apt-get. Install what these Debian packages hold: ${names.join(', ')}.`,
    ]);
  });

  test('each package says in one sentence what it is for', () => {
    for (const { why } of debianPackages) expect(why).toMatch(/^[A-Z][^.]*\.$/);
  });
});

test('every entry point can be run as a program', () => {
  const bin = join(import.meta.dirname, '..', '..', 'bin');
  const programs = readdirSync(bin).filter((name) => readFileSync(join(bin, name), 'utf8').startsWith('#!'));
  expect(programs.sort()).toEqual(['long.js', 'mutants.js', 'start.js', 'statevisor.js', 'test.js']);
  for (const name of programs) expect(statSync(join(bin, name)).mode & 0o111).toBe(0o111);
});

describe('the plan that is shown before anything is installed', () => {
  const answering = (there: string) =>
    recordingRun((line) => (line.startsWith('dpkg-query') ? { stdout: there } : {})).run;
  const all = packagesToRun.map(({ name }) => `installed ${name}\n`).join('');

  test('names each missing Debian package with its sentence, and how many npm packages', () => {
    writeLocks({ 'node_modules/pino': { version: '10.4.0' } }, null);
    const plan = installationPlan(dir, { uid: 0, run: answering('') }, packagesToRun).join('\n');
    for (const { name, why } of packagesToRun) expect(plan).toMatch(new RegExp(`${name} +${why.replace('.', '\\.')}`));
    expect(plan).toContain('1 npm package, into node_modules');
    expect(plan).toContain('no service is started');
  });

  test('is empty when everything is there', () => {
    writeLocks({}, {});
    expect(installationPlan(dir, { uid: 0, run: answering(all) }, packagesToRun)).toEqual([]);
  });

  test('does not offer what an ordinary user cannot install', () => {
    writeLocks({}, {});
    expect(installationPlan(dir, { uid: 1000, run: answering('') }, packagesToRun)).toEqual([]);
  });

  test('what only tests need is not installed to run', () => {
    expect(debianPackages.length).toBeGreaterThan(packagesToRun.length);
    expect(packagesToRun.some(({ name }) => name === 'systemd')).toBe(false);
  });
});
