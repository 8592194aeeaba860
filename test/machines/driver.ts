import type { ChartContext } from '../../machines/context.ts';
import type { Definition } from '../../machines/definition.ts';
import type { Effect } from '../../machines/effects.ts';
import type { EffectResult, ExternalEvent, ObservationEvent, Unstamped } from '../../machines/events.ts';
import type { Fact } from '../../machines/facts.ts';
import { stateOf } from '../../machines/public-states.ts';
import { type ChartSnapshot, EMPTY_SNAPSHOT, type Step, step, type TimerName } from '../../machines/step.ts';
import { end } from './alphabet.ts';
import { START } from './definitions.ts';

type Unsent = Unstamped<ExternalEvent>;

/** Drives one instance by hand along a timeline: times are offsets from START in milliseconds, timers fire when due. */
export interface Driver {
  readonly send: (atMs: number, event: Unsent) => Step;
  /** Lets time pass: every timer due by then fires, at its own instant. */
  readonly until: (atMs: number) => void;
  readonly snapshot: () => ChartSnapshot;
  readonly restart: () => object;
  readonly pending: () => Readonly<Record<string, number>>;
  readonly facts: (type: Fact['type']) => readonly (Fact & { readonly at: number })[];
  readonly effects: (kind: Effect['kind']) => readonly (Effect & { readonly at: number })[];
  readonly lifecycle: () => string;
  readonly region: (name: 'restart' | 'health' | 'standby' | 'expiry') => string;
}

/** `generous` gives room at once to whoever asks, as a host with enough of everything does; `silent` answers nothing. */
export type DrivenHost = 'generous' | 'silent';

export function drive(
  definition: Definition,
  wanted: 'running' | 'stopped' = 'running',
  createdAtMs = 0,
  host: DrivenHost = 'generous',
  from?: { readonly instance: string; readonly snapshot: string | null },
): Driver {
  let snapshot = EMPTY_SNAPSHOT;
  let now = START;
  const pending = new Map<TimerName, number>();
  const facts: (Fact & { readonly at: number })[] = [];
  const effects: (Effect & { readonly at: number })[] = [];

  const take = (event: ExternalEvent): Step => {
    now = Math.max(now, event.at);
    const taken = step(snapshot, event);
    if (taken.accepted) pending.delete(event.type as TimerName);
    for (const name of taken.cancelled) pending.delete(name);
    for (const { name, due } of taken.armed) pending.set(name, due);
    facts.push(...taken.facts.map((fact) => ({ ...fact, at: event.at - START })));
    effects.push(...taken.effects.map((effect) => ({ ...effect, at: event.at - START })));
    snapshot = taken.next;
    for (const effect of host === 'generous' ? taken.effects : []) {
      if (effect.kind !== 'host.admit') continue;
      take({ type: 'host.granted', at: event.at, run: effect.run, purpose: effect.purpose });
    }
    return taken;
  };
  const until = (atMs: number): void => {
    for (;;) {
      const first = [...pending].sort((a, b) => a[1] - b[1])[0];
      if (first === undefined || first[1] > START + atMs) break;
      take({ type: first[0], at: Math.max(now, first[1]), due: first[1], armed: 1 });
    }
    now = START + atMs;
  };
  const send = (atMs: number, event: Unsent): Step => {
    until(atMs);
    return take({ ...event, at: START + atMs } as ExternalEvent);
  };
  send(createdAtMs, { type: 'create', by: 'ann', definition, wanted, ...(from !== undefined && { from }) });
  return {
    send,
    until,
    snapshot: () => snapshot,
    restart: () => restartStatus(snapshot.context.restart),
    pending: () => Object.fromEntries([...pending].map(([name, due]) => [name, due - START])),
    facts: (type) => facts.filter((fact) => fact.type === type),
    effects: (kind) => effects.filter((effect) => effect.kind === kind),
    lifecycle: () => stateOf(snapshot.value, 'lifecycle'),
    region: (name) => stateOf(snapshot.value, name),
  };
}

/** What hypeman's clients see of it. */
function restartStatus({ restarted_at: _restarted, history: _history, ...status }: ChartContext['restart']): object {
  return present({ ...status });
}

/** As views show it: absent instead of null or zero, times as offsets. */
function present(group: Record<string, unknown>): object {
  const entries = Object.entries(group).filter(([, value]) => value !== null && value !== 0);
  return Object.fromEntries(
    entries.map(([key, value]) => [key, key.endsWith('_at') ? (value as number) - START : value]),
  );
}

/** `number`: of a program of the host, which one it is about. */
const about = (kind: Effect['kind'], run: number, number: number) => {
  return { effect: 'test/1/0', kind, run, ...(kind === 'hook.run' && { number }) };
};

export const done = (kind: Effect['kind'], run: number, number = 1): Unstamped<EffectResult> => ({
  type: 'effect.done',
  ...about(kind, run, number),
});
export const failed = (kind: Effect['kind'], run: number, number = 1): Unstamped<EffectResult> => ({
  type: 'effect.failed',
  ...about(kind, run, number),
  error: { code: 'insufficient_resources', message: 'no memory' },
});
export const unknown = (kind: Effect['kind'], run: number, number = 1): Unstamped<EffectResult> => ({
  type: 'effect.unknown',
  ...about(kind, run, number),
  error: { code: 'timed_out', message: 'no answer' },
});
export const exited = (run: number, code: number | null): Unstamped<ObservationEvent> => ({
  type: 'vmm.exited',
  run,
  ...end('power_off', code, null),
});
export const ready = (run: number): Unstamped<ObservationEvent> => ({ type: 'guest.ready', run });

/** Prepared, booted and ready at once. */
export function bootUp(driver: Driver, atMs: number): void {
  if (driver.lifecycle() === 'preparing') driver.send(atMs, done('instance.prepare', 0));
  const run = driver.snapshot().context.run.number;
  driver.send(atMs, done('vmm.boot', run));
  driver.send(atMs, ready(run));
}
