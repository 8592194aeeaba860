import type { Definition } from '../../machines/definition.ts';
import type { ExternalEvent, Unstamped } from '../../machines/events.ts';
import { gateEnd } from '../../machines/rules.ts';
import type { ChartSnapshot, Step, TimerName } from '../../machines/step.ts';
import { type Letters, lettersAt } from './alphabet.ts';
import { START } from './definitions.ts';
import { LAWS } from './law-book.ts';
import { type Books, type Edge, EMPTY_BOOKS, noteEvent, noteStep } from './laws.ts';

/** Walks every path of the chart, over a context abstracted to what its rules can tell apart. */

export interface ChartUnderTest {
  readonly step: (snapshot: ChartSnapshot, event: ExternalEvent) => Step;
  readonly EMPTY_SNAPSHOT: ChartSnapshot;
}

export interface World extends Letters {
  readonly name: string;
  readonly definition: Definition;
  readonly wanted: 'running' | 'stopped';
  /** What has happened before anything is tried. */
  readonly prelude?: readonly Unstamped<ExternalEvent>[];
  /** A fork of this. */
  readonly from?: { readonly instance: string; readonly snapshot: string };
  /** States after which a world that does not close is left. */
  readonly bound?: number;
}

interface Node {
  readonly snapshot: ChartSnapshot;
  readonly pending: ReadonlyMap<TimerName, number>;
  readonly books: Books;
  readonly at: number;
  readonly from: Node | null;
  readonly by: ExternalEvent;
}

export interface Breach {
  readonly law: number;
  readonly rule: string;
  readonly path: readonly string[];
}

export interface Explored {
  readonly states: number;
  readonly edges: number;
  readonly closed: boolean;
  readonly breaches: readonly Breach[];
  /** Leaf states of the lifecycle region with the events that were accepted there. */
  readonly accepted: ReadonlyMap<string, ReadonlySet<string>>;
}

export interface Bounds {
  readonly states: number;
  readonly breaches: number;
  /** Only breaches of this law count. */
  readonly only?: number;
}

const WORLDLY: readonly string[] = ['traffic.active', 'observer.lost'];

const sooner = (instant: number | null, now: number): string => {
  if (instant === null) return '-';
  return instant <= now ? 'past' : 'future';
};

/** Only under a policy do traffic and holds mean anything. */
const isWatched = ({ context: { definition } }: ChartSnapshot): boolean => definition?.auto_standby != null;

/** What the rules can tell apart in this state; what only other states read is left out. */
function contextClass({ snapshot, at }: Node): unknown[] {
  const { context } = snapshot;
  const { run, restart, health, standby, definition } = context;
  const policy = definition?.restart_policy ?? null;
  const check = definition?.health_check ?? null;
  const cap = Math.max(1, policy?.max_attempts ?? 0);
  const backoffEnd = policy && restart.last_attempt_at && restart.last_attempt_at + policy.backoff_ms;
  const graceEnd = check && health.window_started_at && health.window_started_at + check.start_period_ms;
  const watched = isWatched(snapshot);
  const starting = ['booting', 'restoring'].includes(leafOf(snapshot).split('.')[0]!);
  return [
    [context.intent.wanted, context.stop, context.snapshot === null, run.number > 0, run.ended],
    [
      context.host.mode,
      context.admission?.purpose,
      context.admission?.reason === null,
      context.hook.running?.moment,
      definition?.hooks,
    ],
    run.ended
      ? [run.planned, run.exit?.code === 0, run.exit?.reason === 'host_reboot']
      : starting
        ? [run.booted_at === null, run.ready_at === null]
        : 0,
    policy ? [policy, Math.min(restart.attempts, cap), sooner(backoffEnd, at), restart.next_attempt_at === null] : 0,
    policy?.stability_period_ms === undefined ? 0 : sooner(gateEnd(context), at),
    policy?.exit_codes === undefined ? 0 : run.exit?.code,
    [restart.blocked_reason, restart.last_reason],
    check ? [check, health.successes, health.failures, sooner(graceEnd, at)] : 0,
    watched
      ? [definition?.auto_standby, standby.observer, standby.idle_since === null, sooner(standby.hold_until, at)]
      : 0,
    [standby.request, standby.slot?.reason === null, definition?.schedules, context.origin === null],
    [context.snapshots.map(({ name }) => name.split('-')[0]), context.snapshot_work?.then, context.stop?.next],
    [sooner(definition?.expiry?.expires_at ?? null, at), definition?.expiry?.then],
  ];
}

function booksClass({ snapshot, books, at }: Node): unknown[] {
  const limited = (snapshot.context.definition?.restart_policy?.max_attempts ?? 0) > 0;
  const readings = books.asked
    .filter(({ kind }) => kind === 'traffic.confirm')
    .map(({ paused, saved }) => [paused, saved]);
  return [
    [books.stopOrdered, books.deleteOrdered, books.endTold, limited && Math.min(books.automaticStarts, 3)],
    [books.attemptOpen, books.endTold && books.cleanEnd],
    isWatched(snapshot) ? [books.idleSince === null, sooner(books.holdUntil, at)] : 0,
    books.automaticStandby ? [books.paused, books.confirmedPaused, books.saved, books.confirmedSaved] : 0,
    [books.admission?.purpose, books.turn?.purpose, books.mode, books.handsOff, books.healthStop, books.waived],
    [books.memory.is, books.memory.waived, books.memory.restoring, books.memory.told],
    readings,
  ];
}

function keyOf(node: Node): string {
  const leaf = leafOf(node.snapshot);
  if (leaf === 'deleted') return leaf;
  if (leaf === 'deleting') return JSON.stringify([node.snapshot.value, node.snapshot.context.run.number > 0]);
  return JSON.stringify([node.snapshot.value, contextClass(node), booksClass(node)]);
}

function pendingAfter(
  pending: ReadonlyMap<TimerName, number>,
  event: ExternalEvent,
  step: Step,
): Map<TimerName, number> {
  const next = new Map(pending);
  if (step.accepted) next.delete(event.type as TimerName);
  for (const name of step.cancelled) next.delete(name);
  for (const { name, due } of step.armed) next.set(name, due);
  return next;
}

export function pathTo(node: Node | null, last: ExternalEvent): string[] {
  const path = [describe(last)];
  for (let at = node; at !== null; at = at.from)
    path.unshift(`${describe(at.by)} -> ${JSON.stringify(at.snapshot.value)}`);
  return path;
}

function describe(event: ExternalEvent): string {
  const { at: _when, ...rest } = event;
  return JSON.stringify(rest);
}

export function leafOf(snapshot: ChartSnapshot): string {
  return dotted((snapshot.value as Record<string, unknown>).lifecycle);
}

const dotted = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : Object.entries(value as object)
        .map(([outer, inner]) => `${outer}.${dotted(inner)}`)
        .join();

function afterPrelude(chart: ChartUnderTest, world: World, breaches: Map<string, Breach>, bounds: Bounds): Node {
  const { definition, wanted, from, prelude = [] } = world;
  const create: ExternalEvent = { type: 'create', at: START, by: 'ann', definition, wanted, ...(from && { from }) };
  const nothing = { snapshot: chart.EMPTY_SNAPSHOT, pending: new Map(), books: EMPTY_BOOKS, at: START };
  const first = follow(chart, { ...nothing, from: null, by: create }, create, breaches, bounds);
  if (first === null) throw new Error(`${world.name} is not accepted.`);
  let node: Node = { ...first, from: null };
  for (const told of prelude) {
    const event = { ...told, at: node.at + 1 } as ExternalEvent;
    const next = follow(chart, node, event, breaches, bounds);
    if (next === null) throw new Error(`The prelude of ${world.name} is not accepted: ${describe(event)}`);
    node = next;
  }
  return node;
}

/** Breadth first, so that the path of a breach is as short as can be. Ends when nothing new is found or at a bound. */
export function explore(chart: ChartUnderTest, world: World, bounds: Bounds): Explored {
  const breaches = new Map<string, Breach>();
  const first = afterPrelude(chart, world, breaches, bounds);
  const queue: Node[] = [first];
  const known = new Set([keyOf(first)]);
  const accepted = new Map<string, Set<string>>();
  let edges = 0;
  for (let head = 0; head < queue.length; head += 1) {
    const node = queue[head]!;
    for (const event of lettersAt(node.snapshot, node.pending, node.books, node.at, world)) {
      edges += 1;
      const next = follow(chart, node, event, breaches, bounds);
      if (breaches.size >= bounds.breaches) return report(known.size, edges, false, breaches, accepted);
      if (next === null) continue;
      if (next.snapshot !== node.snapshot || !WORLDLY.includes(event.type)) note(accepted, node, event);
      const key = keyOf(next);
      if (known.has(key)) continue;
      if (known.size >= bounds.states) return report(known.size, edges, false, breaches, accepted);
      known.add(key);
      queue.push(next);
    }
  }
  return report(known.size, edges, true, breaches, accepted);
}

function report(
  states: number,
  edges: number,
  closed: boolean,
  breaches: ReadonlyMap<string, Breach>,
  accepted: ReadonlyMap<string, ReadonlySet<string>>,
): Explored {
  return { states, edges, closed, breaches: [...breaches.values()], accepted };
}

function note(accepted: Map<string, Set<string>>, node: Node, event: ExternalEvent): void {
  const leaf = leafOf(node.snapshot);
  const events = accepted.get(leaf) ?? new Set();
  events.add('kind' in event ? `${event.type} ${event.kind}` : event.type);
  accepted.set(leaf, events);
}

function follow(
  chart: ChartUnderTest,
  node: Node,
  event: ExternalEvent,
  breaches: Map<string, Breach>,
  bounds: Bounds,
): Node | null {
  const step = chart.step(node.snapshot, event);
  const edge: Edge = { before: node.snapshot, event, step };
  const told = noteEvent(node.books, edge);
  const after = noteStep(told, edge);
  const pending = pendingAfter(node.pending, event, step);
  const seen = { books: node.books, told, after, edge, pending };
  for (const { law, rule, holds } of LAWS) {
    if (bounds.only !== undefined && law !== bounds.only) continue;
    if (!holds(seen) && !breaches.has(rule)) breaches.set(rule, { law, rule, path: pathTo(node, event) });
  }
  // What happened in the world has happened, recorded or not.
  if (!step.accepted && !WORLDLY.includes(event.type)) return null;
  return { snapshot: step.next, pending, books: after, at: event.at, from: node, by: event };
}
