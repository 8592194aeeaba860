import type { Fact } from '../../../machines/facts.ts';
import type { JournalLine } from '../../adapters/simulator/journal.ts';
import { autoStandbyStatusView } from '../../projections/auto-standby-status.ts';
import { type InstanceView, instanceView } from '../../projections/instance-view.ts';
import { type WakefulnessView, wakefulnessView } from '../../projections/wakefulness.ts';
import { START_MS } from './definitions.ts';
import { type Mismatch, mismatches } from './match.ts';
import type { Expectation } from './scenario-schema.ts';
import { offsetOf, type Stage } from './stage.ts';
import { offsetText } from './texts.ts';

export interface Checked {
  readonly expectation: Expectation;
  /** What was expected, in words. */
  readonly text: string;
  readonly mismatches: readonly Mismatch[];
}

/** Between two lives of the daemon the record alone tells. */
const NO_DAEMON = { mode: 'simulated', state: 'in_order', error: null } as const;

export type ShownView = InstanceView & {
  readonly auto_standby_status: unknown;
  readonly wakefulness?: WakefulnessView;
};

/** When an expectation is looked at: at its instant, at the end of its interval, or at the very end. */
export function dueOf(expectation: Expectation, untilMs: number): number {
  const moment = expectation.kind === 'never' ? expectation.never : expectation;
  const end = 'between' in moment ? moment.between?.[1] : undefined;
  return moment.at ?? end ?? untilMs;
}

/** What GET would answer now, with the status of standby and the account of wakefulness; null when the instance is gone. */
export async function viewOf(stage: Stage, name: string): Promise<ShownView | null> {
  const newest = stage.newest.get(stage.ids.get(name) ?? '');
  if (newest === undefined) return null;
  const { record, definition } = newest;
  const view = instanceView(record, definition);
  if (view.phase === 'deleted') return null;
  const activity = stage.life?.activity;
  const traffic = { observer: activity?.status() ?? NO_DAEMON, connections: activity?.connectionsOf(record.stream) };
  const snapshot = { value: record.state.value, context: { ...record.state.context, definition } };
  const now = stage.clock.now();
  const account = stage.accounts.get(record.stream);
  return {
    ...view,
    auto_standby_status: autoStandbyStatusView(snapshot, traffic, now),
    ...(account === undefined ? {} : { wakefulness: wakefulnessView(account, now) }),
  };
}

export async function check(stage: Stage, expectation: Expectation): Promise<Checked> {
  switch (expectation.kind) {
    case 'view':
      return checkView(stage, expectation);
    case 'boots':
      return checkSpawns(stage, expectation, 'boots', expectation.boots);
    case 'restores':
      return checkSpawns(stage, expectation, 'restores', expectation.restores);
    case 'never': {
      const { fact, with: parts } = expectation.never;
      const moment = { ...expectation.never, instance: expectation.never.instance ?? expectation.instance };
      const found = factsIn(stage, moment, fact, parts);
      const text = `never ${fact}${where(moment)}`;
      return { expectation, text, mismatches: found.length === 0 ? [] : [{ path: fact, expected: 0, actual: found }] };
    }
    case 'fact': {
      const found = factsIn(stage, expectation, expectation.fact, expectation.with);
      return checkCount(expectation, expectation.fact, found, expectation.count);
    }
    case 'refused': {
      const found = stage.moments.flatMap((moment) =>
        moment.kind === 'refused' && moment.code === expectation.refused && within(moment, expectation)
          ? [`${offsetText(moment.at)} ${moment.name ?? 'host'}`]
          : [],
      );
      return checkCount(expectation, `refused ${expectation.refused}`, found, expectation.count);
    }
  }
}

interface Extent {
  readonly at?: number | undefined;
  readonly between?: readonly [number, number] | undefined;
  readonly instance?: string | undefined;
}

function where({ at, between, instance }: Extent): string {
  const when =
    between === undefined
      ? at === undefined
        ? ''
        : ` at ${offsetText(at)}`
      : ` between ${offsetText(between[0])} and ${offsetText(between[1])}`;
  return `${instance === undefined ? '' : ` of ${instance}`}${when}`;
}

/** Both ends of an interval belong to it. What was before 0s belongs to no expectation. */
function within(
  moment: { readonly at: number; readonly name: string | null },
  { at, between, instance }: Extent,
): boolean {
  if (instance !== undefined && moment.name !== instance) return false;
  if (at !== undefined) return moment.at === at;
  const [from, to] = between ?? [0, Number.POSITIVE_INFINITY];
  return moment.at >= from && moment.at <= to;
}

function factsIn({ moments }: Stage, extent: Extent, type: string, parts: object = {}): string[] {
  const wanted = (fact: Fact): boolean => fact.type === type && mismatches(parts, fact, START_MS).length === 0;
  return moments.flatMap((moment) =>
    moment.kind === 'record' && within(moment, extent)
      ? moment.published.record.facts.filter(wanted).map(() => `${offsetText(moment.at)} ${moment.name}`)
      : [],
  );
}

/** Without a count at least one is expected. */
function checkCount(
  expectation: Extract<Expectation, { kind: 'fact' | 'refused' }>,
  what: string,
  found: readonly string[],
  count: number | undefined,
): Checked {
  const text = `${count === undefined ? 'some' : count} ${what}${where(expectation)}`;
  const fine = count === undefined ? found.length > 0 : found.length === count;
  const expected = count ?? 'at least 1';
  return { expectation, text, mismatches: fine ? [] : [{ path: what, expected, actual: found }] };
}

async function checkView(stage: Stage, expectation: Extract<Expectation, { kind: 'view' }>): Promise<Checked> {
  const name = expectation.instance ?? stage.scenario.instances[0]!.name;
  const view = await viewOf(stage, name);
  const text = `view of ${name} at ${offsetText(offsetOf(stage))}`;
  if (view === null && expectation.view !== null) {
    return { expectation, text, mismatches: [{ path: '', expected: expectation.view, actual: null }] };
  }
  return { expectation, text, mismatches: mismatches(expectation.view, view, START_MS) };
}

/** How many VMs were truly started, from the journal of the world: by a boot, or by a restore. */
export function spawnsOf(
  stage: Stage,
  journal: readonly JournalLine[],
  kind: 'boots' | 'restores',
): Record<string, number> {
  const spawned = journal.flatMap((line) =>
    line.type === 'vmm.spawned' && (line.from === null) === (kind === 'boots') ? [line.instance] : [],
  );
  return Object.fromEntries([...stage.ids].map(([name, id]) => [name, spawned.filter((of) => of === id).length]));
}

async function checkSpawns(
  stage: Stage,
  expectation: Expectation,
  kind: 'boots' | 'restores',
  counts: number | Readonly<Record<string, number>>,
): Promise<Checked> {
  const actual = spawnsOf(stage, await stage.control.journal(), kind);
  const all = Object.values(actual).reduce((sum, one) => sum + one, 0);
  const text = `${kind} until ${offsetText(offsetOf(stage))}`;
  if (typeof counts === 'number') {
    return { expectation, text, mismatches: counts === all ? [] : [{ path: kind, expected: counts, actual: all }] };
  }
  const wrong = Object.entries(counts).filter(([name, count]) => actual[name] !== count);
  return {
    expectation,
    text,
    mismatches: wrong.map(([name, expected]) => ({ path: `${kind}.${name}`, expected, actual: actual[name] })),
  };
}
