import { checkClock } from './clock-checks.ts';
import { checkDisk } from './disk-checks.ts';
import { type Check, type Finding, problem, type Surroundings } from './finding.ts';
import { checkHypervisor } from './hypervisor-checks.ts';
import { checkInstances } from './instance-checks.ts';
import { checkNats } from './nats-checks.ts';
import { checkNetwork } from './network-checks.ts';
import { checkDaemon, checkProgram } from './program-checks.ts';
import { checkDirectory, checkRights } from './rights-checks.ts';
import { checkTracking } from './tracking-checks.ts';

/** In the order in which somebody would want to know. */
const CHECKS: readonly Check[] = [
  checkProgram,
  checkDirectory,
  checkDisk,
  checkRights,
  checkHypervisor,
  checkNetwork,
  checkTracking,
  checkNats,
  checkClock,
  checkDaemon,
  checkInstances,
];

/** Everything that was found; a check that fails itself is a finding too, and keeps none of the others. */
export async function examine(around: Surroundings, checks: readonly Check[] = CHECKS): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const check of checks) {
    try {
      findings.push(...(await check(around)));
    } catch (error) {
      const found = error instanceof Error ? error.message : String(error);
      findings.push(problem('doctor', found, 'This could not be looked at.', 'Report it, with what stands around it.'));
    }
  }
  return findings;
}

const LABEL_WIDTH = 'warning'.length;

/** Lines for people: the finding, then what it means and what to do. */
export function findingLines(findings: readonly Finding[]): string[] {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(LABEL_WIDTH + width + 4);
  const lines = findings.flatMap(({ check, verdict, found, means, remedy }) => [
    `${verdict.padEnd(LABEL_WIDTH)}  ${check.padEnd(width)}  ${found}`,
    ...(means === undefined ? [] : [`${indent}${means}`]),
    ...(remedy === undefined ? [] : [`${indent}-> ${remedy}`]),
  ]);
  return [...lines, `${counted(findings, 'problem')}, ${counted(findings, 'warning')}`];
}

function counted(findings: readonly Finding[], verdict: Finding['verdict']): string {
  const count = findings.filter((finding) => finding.verdict === verdict).length;
  return `${count} ${verdict}${count === 1 ? '' : 's'}`;
}
