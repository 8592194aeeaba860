import { readlinkSync } from 'node:fs';
import type { MsgHdrs } from '@nats-io/transport-node';
import { headers } from '@nats-io/transport-node';
import { hostProcesses, isAlive, type ProcessIdentity, parseStat } from '../../actors/contracts/process-identity.ts';

/** Who owns a log, or owned it last: the last message on the log's claim subject. */
export interface Claim {
  /** Of this very claim. */
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  readonly start_ticks: string;
  readonly boot_id: string;
  /** Pids of another namespace say nothing here. */
  readonly pid_namespace: string;
  /** Epoch ms. */
  readonly at: number;
  /** True: its owner has let go of the log. */
  readonly released: boolean;
}

/** The header with which the server compares: the message counts only after this one on its subject. */
export const EXPECTED_SEQUENCE_HEADER = 'Nats-Expected-Last-Subject-Sequence';

export function claimOf(id: string, host: string, at: number): Claim {
  const text = hostProcesses.stat(process.pid);
  const startTicks = (text === null ? null : parseStat(text))?.startTicks ?? '';
  return {
    id,
    host,
    pid: process.pid,
    start_ticks: startTicks,
    boot_id: hostProcesses.bootId(),
    pid_namespace: pidNamespace(),
    at,
    released: false,
  };
}

/** Null when it cannot be read, and then it is nobody's claim. */
export function parseClaim(data: Uint8Array): Claim | null {
  try {
    const claim = JSON.parse(new TextDecoder().decode(data)) as Partial<Claim>;
    return typeof claim.id === 'string' && typeof claim.host === 'string' ? (claim as Claim) : null;
  } catch {
    return null;
  }
}

/** True only when it is certain: a process of this very boot and namespace that runs no more. */
export function isCertainlyDead(claim: Claim): boolean {
  if (claim.boot_id !== hostProcesses.bootId() || claim.pid_namespace !== pidNamespace()) return false;
  const identity: ProcessIdentity = { pid: claim.pid, startTicks: claim.start_ticks, bootId: claim.boot_id };
  return !isAlive(identity);
}

/** Headers that let a claim in only after the one with this sequence. */
export function claimHeaders(after: number): MsgHdrs {
  const lines = headers();
  lines.set(EXPECTED_SEQUENCE_HEADER, String(after));
  return lines;
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
