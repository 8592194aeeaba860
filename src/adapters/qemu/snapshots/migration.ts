import { z } from 'zod';
import type { Clock } from '../../../actors/contracts/clock.ts';
import { COMMAND_LIMIT_MS } from '../monitor.ts';
import type { QmpConnection } from '../qmp.ts';

/** What the monitor is told and asked when a guest is saved or loaded: to QEMU both are migrations. */

/** 16 GiB/s: the default of 128 MiB/s would make a local copy wait. */
const BANDWIDTH = 17_179_869_184;
const POLL_MS = 2;
/** How long a VMM may take to give up what it was sending. */
const CANCEL_LIMIT_MS = 5_000;

const OVER: readonly string[] = ['none', 'completed', 'failed', 'cancelled'];

const migrationSchema = z.object({ status: z.string().optional(), 'error-desc': z.string().optional() });
const versionSchema = z.object({
  qemu: z.object({ major: z.number(), minor: z.number(), micro: z.number() }),
});

/** The guest's memory is in a file that both sides share, so it is left out of what is sent. */
export async function prepareMigration(monitor: QmpConnection): Promise<void> {
  const capabilities = [{ capability: 'x-ignore-shared', state: true }];
  await Promise.all([
    monitor.execute('migrate-set-capabilities', COMMAND_LIMIT_MS, { capabilities }),
    monitor.execute('migrate-set-parameters', COMMAND_LIMIT_MS, { 'max-bandwidth': BANDWIDTH }),
  ]);
}

export interface MigrationEnd {
  readonly status: 'completed' | 'failed' | 'aborted';
  readonly message: string;
}

/** Waits until the migration under way is over. */
export async function migrationEnd(monitor: QmpConnection, clock: Clock, signal: AbortSignal): Promise<MigrationEnd> {
  for (;;) {
    const told = migrationSchema.parse(await monitor.execute('query-migrate', COMMAND_LIMIT_MS));
    const message = told['error-desc'] ?? '';
    if (told.status === 'completed') return { status: 'completed', message };
    if (told.status === 'failed' || told.status === 'cancelled') return { status: 'failed', message };
    if (!(await clock.sleep(POLL_MS, signal))) return { status: 'aborted', message };
  }
}

/**
 * Has a VMM give up what it is sending, and waits for a while until it has: its guest may not go on before. One that was
 * never sent has no status at all.
 */
export async function cancelMigration(monitor: QmpConnection, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + CANCEL_LIMIT_MS;
  await monitor.execute('migrate_cancel', COMMAND_LIMIT_MS);
  while (clock.monotonic() < deadline) {
    const { status } = migrationSchema.parse(await monitor.execute('query-migrate', COMMAND_LIMIT_MS));
    if (status === undefined || OVER.includes(status)) return;
    await clock.sleep(POLL_MS);
  }
}

/** Which VMM it is, and which machine: of both a saved guest is a part. */
export async function queryVmm(
  monitor: QmpConnection,
): Promise<{ readonly version: string; readonly machine: string }> {
  const [version, machine] = await Promise.all([
    monitor.execute('query-version', COMMAND_LIMIT_MS),
    monitor.execute('qom-get', COMMAND_LIMIT_MS, { path: '/machine', property: 'type' }),
  ]);
  const { qemu } = versionSchema.parse(version);
  return { version: `${qemu.major}.${qemu.minor}.${qemu.micro}`, machine: String(machine) };
}
