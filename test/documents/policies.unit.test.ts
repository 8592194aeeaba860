/**
 * Goal: what the documents say about policies is so: every field with its default, everything that is shown, and every
 * command of the how-tos. Method: compared with the schemas, with what the parsers make of nothing, and with the commands.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { heldReasonSchema, purposeSchema } from '../../machines/events.ts';
import { CliError } from '../../src/cli/client.ts';
import { makeProgram } from '../../src/cli/program.ts';
import { instanceReply, standbyReply } from '../../src/gateway/replies/schemas.ts';
import { autoStandbyFields } from '../../src/gateway/requests/auto-standby.ts';
import { parseCreate } from '../../src/gateway/requests/create.ts';
import { healthCheckFields } from '../../src/gateway/requests/health-check.ts';
import { restartPolicyFields } from '../../src/gateway/requests/restart-policy.ts';
import { schedulesFields } from '../../src/gateway/requests/schedules.ts';
import { STANDBY_REASONS, STANDBY_STATUSES } from '../../src/projections/auto-standby-status.ts';
import { healthCheckView, restartPolicyView } from '../../src/projections/policy-views.ts';
import { document, quoted, section, tableRows } from './markdown.ts';

const text = document('docs/reference/policies.md');
const fieldsIn = (heading: string, head: string): string[] =>
  tableRows(section(text, heading), head).flatMap(([field]) => quoted(field ?? ''));

/** What a door makes of a policy that says nothing beyond what it must. */
const { restart_policy, health_check } = parseCreate(
  { name: 'web', image: 'demo', restart_policy: { policy: 'always' }, health_check: { http: { port: 80 } } },
  Date.UTC(2026, 0, 1),
).definition;

describe('the reference of policies', () => {
  test('lists the fields of a restart policy and no others', () => {
    expect(fieldsIn('## restart_policy', 'field').sort()).toEqual(Object.keys(restartPolicyFields.shape).sort());
  });

  test('lists the fields of a health check and no others', () => {
    const told = fieldsIn('## health_check', 'field').map((field) => field.split('.')[0]);
    expect([...new Set(told)].sort()).toEqual(Object.keys(healthCheckFields.shape).sort());
  });

  test('lists the fields of standby and of schedules and no others', () => {
    const standby = fieldsIn('## auto_standby', 'field').map((field) => field.split('.')[0]);
    expect([...new Set(standby)].sort()).toEqual(Object.keys(autoStandbyFields.shape).sort());
    const schedules = fieldsIn('## schedules', 'field');
    const known = Object.entries(schedulesFields.shape).flatMap(([part, { _zod }]) => {
      const fields = Object.keys((_zod.def.innerType as unknown as { unwrap(): { shape: object } }).unwrap().shape);
      return fields.map((field) => `${part}.${field}`);
    });
    expect(schedules.sort()).toEqual(known.sort());
  });

  test('tells every status of standby with its reasons, in the order in which they are looked at', () => {
    const rows = tableRows(section(text, '## What is shown of standby'), 'status');
    expect(rows.flatMap(([, reasons]) => quoted(reasons ?? '')).sort()).toEqual(
      [...STANDBY_REASONS, 'ready_for_standby'].sort(),
    );
    expect(new Set(rows.map(([status]) => quoted(status ?? '')[0]))).toEqual(new Set(STANDBY_STATUSES));
    const shown = ['of the status', 'of the status (ours)'].flatMap((head) =>
      fieldsIn('## What is shown of standby', head),
    );
    expect(shown.sort()).toEqual(Object.keys(standbyReply.shape).sort());
  });

  test.each([
    ['## restart_policy', () => restartPolicyView(restart_policy!)],
    ['## health_check', () => healthCheckView(health_check!)],
  ])('tells the defaults of %s that the parser has', (heading, view) => {
    const shown = view() as Readonly<Record<string, unknown>>;
    const { http } = shown as { http?: Readonly<Record<string, unknown>> };
    for (const [cell, fallback] of tableRows(section(text, heading), 'field')) {
      for (const field of quoted(cell ?? '')) {
        const value = shown[field] ?? http?.[field.replace('http.', '')];
        const isTold = value !== undefined && field !== 'policy' && field !== 'type' && !field.endsWith('.port');
        if (isTold) expect(fallback?.replaceAll('`', ''), field).toMatch(new RegExp(`^${String(value)}`));
      }
    }
  });

  test.each([
    ['## What is shown of restarts', 'of `restart_status`', instanceReply.shape.restart_status.unwrap().shape],
    ['## What is shown of restarts', 'of `restart` (ours)', instanceReply.shape.restart.unwrap().shape],
    ['## What is shown of health', 'of `health_status`', instanceReply.shape.health_status.shape],
  ])('%s, %s, has the fields that a client can rely on', (heading, head, shape) => {
    const told = tableRows(section(text, heading), head).flatMap(([field]) => quoted(field ?? ''));
    expect(told.sort()).toEqual(Object.keys(shape).sort());
  });
});

test('everything a restart may wait for is told', () => {
  const [, meaning = ''] = tableRows(text, 'of `restart` (ours)').find(([field]) => field === '`pending`') ?? [];
  const forRestarts = heldReasonSchema.options.filter((one) => one !== 'standby_slots');
  const reasons = [...forRestarts, ...purposeSchema.options.filter((one) => one === 'host_reboot')];
  for (const word of ['backoff', 'stability_period', 'host', ...reasons]) expect(quoted(meaning)).toContain(word);
});

describe('the commands of the how-tos', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'statevisor-how-to-'));
    vi.stubEnv('STATEVISOR_DATA', directory);
    vi.stubEnv('STATEVISOR_URL', undefined);
  });
  afterAll(() => {
    vi.unstubAllEnvs();
    rmSync(directory, { recursive: true, force: true });
  });

  const pages = ['restart-policy', 'check-health', 'put-a-vm-to-sleep', 'snapshots-and-forks'];
  const commands = pages.flatMap((page) =>
    [...document(`docs/how-to/${page}.md`).matchAll(/(?:npx |`)statevisor ([^\n`]+)/g)].map(([, line = '']) => line),
  );

  test('are there', () => {
    expect(commands.length).toBeGreaterThan(10);
  });

  // Without a daemon a call that is right fails for that reason, and one that is wrong for its own.
  test.each(commands)('statevisor %s is one', async (line) => {
    const args = [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, inQuotes, plain]) => inQuotes ?? plain ?? '');
    const program = makeProgram({ line: () => {}, text: () => {}, note: () => {} });
    for (const command of program.commands) command.configureOutput({ writeErr: () => {} });
    const failure = await program.parseAsync(args, { from: 'user' }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CliError);
    expect((failure as CliError).code).toBe('no_daemon');
  });
});
