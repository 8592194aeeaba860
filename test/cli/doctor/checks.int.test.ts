/**
 * Goal: each finding of the doctor tells what is so. Method: checks look at directories, sockets and processes made for
 * them; programs that a machine may lack are stand-ins.
 */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parseRange } from '../../../src/actors/address-pool.ts';
import { SimulatedClock, systemClock } from '../../../src/actors/clock.ts';
import { dataDirectory, writeEndpoints } from '../../../src/cli/data-directory.ts';
import { checkClock } from '../../../src/cli/doctor/clock-checks.ts';
import {
  checkDisk,
  FREE_PROBLEM_BYTES,
  FREE_WARNING_BYTES,
  judgeRoom,
  judgeSync,
  SYNC_WARNING_MS,
} from '../../../src/cli/doctor/disk-checks.ts';
import { examine, findingLines } from '../../../src/cli/doctor/examine.ts';
import { type Check, type Finding, ok, problem, warning } from '../../../src/cli/doctor/finding.ts';
import { checkHypervisor } from '../../../src/cli/doctor/hypervisor-checks.ts';
import { checkNats } from '../../../src/cli/doctor/nats-checks.ts';
import { checkNetwork } from '../../../src/cli/doctor/network-checks.ts';
import { checkDaemon } from '../../../src/cli/doctor/program-checks.ts';
import { checkDirectory, mayChangeNetwork } from '../../../src/cli/doctor/rights-checks.ts';
import { startNatsServer } from '../../gateway/nats-door.ts';
import { surroundings } from './surroundings.ts';

let data: string;
let server: Server | null = null;
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'statevisor-doctor-'));
});
afterEach(() => {
  server?.close();
  server = null;
  rmSync(data, { recursive: true, force: true });
});

type Given = Omit<Parameters<typeof surroundings>[0], 'data'> & { data?: string };

/** `verdict check: found` of everything a check found. */
async function found(check: Check, given: Given = {}): Promise<string[]> {
  const findings = await check(surroundings({ data, ...given }));
  for (const { verdict, means, remedy } of findings) expect(verdict === 'ok').toBe(means === undefined && !remedy);
  return findings.map((finding) => `${finding.verdict} ${finding.check}: ${finding.found}`);
}

async function listening(): Promise<number> {
  const started = createServer();
  server = started;
  await new Promise<void>((resolve) => started.listen(0, '127.0.0.1', resolve));
  return (started.address() as { port: number }).port;
}

const NOWHERE = { host: '127.0.0.1', port: 0 };

describe('the data directory', () => {
  test('that is ours and closed, that will be made, that is open, that is not usable', async () => {
    chmodSync(data, 0o700);
    expect(await found(checkDirectory)).toEqual([`ok data directory: ${data} is ours, writable, and closed to others`]);
    expect((await found(checkDirectory, { data: join(data, 'new') }))[0]).toMatch(/^ok .* will be made/);
    chmodSync(data, 0o755);
    expect((await found(checkDirectory))[0]).toMatch(/^warning .* has the mode 0755$/);
    writeFileSync(join(data, 'version'), '99');
    expect((await found(checkDirectory))[0]).toMatch(/^problem .* is of version 99, and this program knows \d+\.$/);
  });
});

describe('the disk', () => {
  test.for([
    [FREE_PROBLEM_BYTES - 1, 'problem'],
    [FREE_PROBLEM_BYTES, 'warning'],
    [FREE_WARNING_BYTES - 1, 'warning'],
    [FREE_WARNING_BYTES, 'ok'],
  ] as const)('with %i bytes free is: %s', ([free, verdict]) => {
    expect(judgeRoom(free).verdict).toBe(verdict);
  });

  test('that takes long to sync is told', () => {
    expect([judgeSync(SYNC_WARNING_MS).verdict, judgeSync(SYNC_WARNING_MS + 1).verdict]).toEqual(['ok', 'warning']);
  });

  test('is measured where the log is, also before there is a directory, and nothing is left behind', async () => {
    const inside = join(data, 'a', 'b');
    const seen = await found(checkDisk, { data: inside });
    expect(seen.some((line) => / sync: \d+\.\d\d ms until 4 KiB are on the disk/.test(line))).toBe(true);
    expect(seen.some((line) => / disk: \d+ MiB free/.test(line))).toBe(true);
    expect(readdirSync(data)).toEqual([]);
  });

  test('in memory is told, whatever its speed', async () => {
    const memory = mkdtempSync('/dev/shm/statevisor-doctor-');
    try {
      expect(await found(checkDisk, { data: memory })).toContain('warning disk: the data directory is in memory');
    } finally {
      rmSync(memory, { recursive: true });
    }
  });
});

describe('rights', () => {
  test.for([
    ['000001ffffffffff', true],
    ['0000000000001000', true],
    ['0000000000000fff', false],
    ['0000000000000000', false],
  ] as const)('of the capabilities %s: may change the network %s', ([set, may]) => {
    expect(mayChangeNetwork(`CapInh:\t0000000000000000\nCapEff:\t${set}\n`)).toBe(may);
  });
});

describe('the hypervisor', () => {
  test('that is missing is a drawback when any will do, and a problem when it was asked for', async () => {
    expect(await found(checkHypervisor)).toEqual(['warning hypervisor: qemu-system-x86_64 is not there']);
    const config = { hypervisor: 'qemu' } as const;
    expect(await found(checkHypervisor, { config })).toEqual(['problem hypervisor: qemu-system-x86_64 is not there']);
  });

  test('that is there is tried by running something in it', async () => {
    const programs = { 'qemu-system-x86_64': { status: 0, stdout: 'QEMU emulator version 7.2.22 (Debian)' } };
    const [version, guestCode] = await found(checkHypervisor, { programs });
    expect(version).toBe('ok hypervisor: QEMU 7.2.22');
    expect(guestCode).toMatch(/^(ok guest code: runs on|warning guest code: is translated)/);
  });

  test('the simulator needs nothing', async () => {
    expect((await found(checkHypervisor, { config: { hypervisor: 'simulator' } }))[0]).toMatch(/^ok hypervisor/);
  });
});

describe('the message server', () => {
  test('off, a private one, none', async () => {
    expect((await found(checkNats, { config: { nats: 'off' } }))[0]).toBe('ok nats: off, as asked');
    const programs = { 'nats-server': { status: 0, stdout: 'nats-server: v2.9.10\n' } };
    expect((await found(checkNats, { programs }))[0]).toMatch(/^ok nats: nats-server: v2\.9\.10: a private one/);
    expect((await found(checkNats))[0]).toBe('warning nats: nats-server is not there');
  });

  test.for([
    ['a lone token', 'authorization { token: "s3cret" }', 's3cret'],
    [
      'a user whose password is written with percents',
      'authorization { user: ada, password: "s3/cr@t" }',
      'ada:s3%2Fcr%40t',
    ],
  ] as const)('a named one that takes %s is connected to as the daemon would', async ([, config, credentials]) => {
    const named = await startNatsServer(`${config}\njetstream { store_dir: "DIRECTORY/jetstream" }`);
    try {
      const NATS_URL = named.url.replace('nats://', `nats://${credentials}@`);
      expect((await found(checkNats, { environment: { NATS_URL } }))[0]).toMatch(/^ok nats: 127\..* with JetStream$/);
      const wrong = named.url.replace('nats://', 'nats://other:wrong@');
      const began = systemClock().monotonic();
      expect((await found(checkNats, { environment: { NATS_URL: wrong } }))[0]).toMatch(
        /^problem nats: 127\..*Authorization/i,
      );
      expect(systemClock().monotonic() - began).toBeLessThan(10_000);
    } finally {
      await named.stop();
    }
  });

  test('a named one that does not answer is a problem, and its password is not told', async () => {
    const closed = await listening();
    await new Promise((resolve) => server?.close(resolve));
    const NATS_URL = `nats://me:s3cret@127.0.0.1:${closed}`;
    const findings = await checkNats(surroundings({ data, environment: { NATS_URL } }));
    expect(findings[0]).toMatchObject({ verdict: 'problem' });
    expect(findings[0]!.found).toContain(`127.0.0.1:${closed} cannot be reached`);
    expect(JSON.stringify(findings)).not.toContain('s3cret');
  });
});

describe('the network', () => {
  const bridge_range = parseRange('10.77.0.0/16')!;

  test('is looked at only when a bridge is asked for', async () => {
    expect((await found(checkNetwork))[0]).toMatch(/^ok network/);
  });

  test('names the tools that are missing', async () => {
    expect(await found(checkNetwork, { config: { bridge: 'sv-doctor', bridge_range } })).toEqual([
      'problem network: ip is not there',
      'problem network: nft is not there',
    ]);
  });
});

describe('the clock', () => {
  test('that is stepped while it is watched is told by how much', async () => {
    const clock = new SimulatedClock(1_800_000_000_000);
    const checking = found(checkClock, { clock });
    clock.step(-5_000);
    await clock.advance(1_000);
    expect(await checking).toContain('warning clock: stepped by -5000 ms while it was watched');
  });

  test('that is behind what was last written is told', async () => {
    mkdirSync(join(data, 'log'));
    writeFileSync(join(data, 'log', 'log.sqlite'), '');
    const tomorrow = systemClock().now() / 1_000 + 86_400;
    utimesSync(join(data, 'log', 'log.sqlite'), tomorrow, tomorrow);
    expect((await found(checkClock)).at(-1)).toMatch(/^warning clock: is 86\d+ ms behind what was last written/);
  });

  test.for([
    [{ status: 0, stdout: 'yes\n' }, 'ok time: the clock is synchronised'],
    [{ status: 0, stdout: 'no\n' }, 'warning time: the clock is not synchronised'],
    [{ status: 1, stdout: '' }, 'ok time: nobody here can say whether the clock is synchronised'],
  ] as const)('timedatectl that answers %j', async ([answer, line]) => {
    expect(await found(checkClock, { programs: { timedatectl: answer } })).toContain(line);
  });
});

describe('the daemon', () => {
  const endpoints = { http: 'http://127.0.0.1:1', nats: null, token_file: '/none' };

  test('that was killed, and an address that somebody has', async () => {
    const port = await listening();
    writeEndpoints(dataDirectory(data), { ...endpoints, pid: 2 ** 22 + 1 });
    const [daemon, address] = await found(checkDaemon, { config: { listen: { host: '127.0.0.1', port } } });
    expect(daemon).toMatch(/^warning daemon: one with pid \d+ ended without saying so$/);
    expect(address).toMatch(/^problem address: .*EADDRINUSE/);
  });

  test('that does not answer is a problem; none at all is not', async () => {
    expect(await found(checkDaemon, { config: { listen: NOWHERE } })).toEqual([
      'ok daemon: none runs on this directory',
      'ok address: 127.0.0.1:0 is free',
    ]);
    writeFileSync(join(data, 'token'), 'x');
    writeEndpoints(dataDirectory(data), { ...endpoints, pid: process.pid, token_file: join(data, 'token') });
    expect((await found(checkDaemon))[0]).toMatch(
      /^problem daemon: pid \d+ does not answer at http:\/\/127\.0\.0\.1:1/,
    );
  });

  test('that is not who answers where it said it is', async () => {
    const other = createHttpServer((_request, response) => response.writeHead(404).end());
    server = other;
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const http = `http://127.0.0.1:${(other.address() as { port: number }).port}`;
    writeFileSync(join(data, 'token'), 'x');
    writeEndpoints(dataDirectory(data), { ...endpoints, pid: process.pid, http, token_file: join(data, 'token') });
    expect(await found(checkDaemon)).toEqual([
      `problem daemon: pid ${process.pid} does not answer at ${http} (it answers with status 404)`,
    ]);
  });
});

describe('what is told', () => {
  const findings: Finding[] = [
    ok('a', 'fine'),
    warning('bb', 'so-so', 'It is slow.', 'Wait.'),
    problem('c', 'bad', 'It fails.', 'Mend it.'),
  ];

  test('each finding has its line, its meaning and its remedy, and the count comes last', () => {
    expect(findingLines(findings)).toEqual([
      'ok       a   fine',
      'warning  bb  so-so',
      '             It is slow.',
      '             -> Wait.',
      'problem  c   bad',
      '             It fails.',
      '             -> Mend it.',
      '1 problem, 1 warning',
    ]);
  });

  test('a check that fails itself is a finding, and the others are made', async () => {
    const broken: Check = async () => {
      throw new Error('no such thing');
    };
    const seen = await examine(surroundings({ data }), [broken, async () => [ok('after', 'fine')]]);
    expect(seen.map(({ verdict, found }) => `${verdict}: ${found}`)).toEqual(['problem: no such thing', 'ok: fine']);
  });
});
