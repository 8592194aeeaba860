import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { WakefulnessView } from '../../../projections/wakefulness.ts';
import { clockTime, plainWords, spanWords } from '../../../projections/words/plain.ts';
import type { ShownRecord } from '../model/record-window.ts';
import { type KnownSnapshot, type SleepClock, sleepMoment } from '../model/sleep-words.ts';
import { timeOfDay, untilWords } from '../model/spans.ts';
import { ticking } from './browser-clock.ts';
import type { Looked, PresentView, StandbyReport } from './instance.ts';
import { Items, Panel } from './moment-panels.ts';

/** Why it is awake or asleep: what the record says, and, of the present, who is connected and what the time went to. */

export interface SleepPanelProps {
  readonly record: ShownRecord;
  readonly isLive: boolean;
  readonly looked: Looked;
}

export function SleepPanel({ record, isLive, looked }: SleepPanelProps): VNode {
  const report = isLive ? looked.standby.value : null;
  const { sentence, clocks, snapshots, sleepsIn } = sleepMoment(record, report);
  const view = isLive ? looked.view.value : null;
  return html`
    <${Panel} title="Wakefulness">
      <p class="why">${sentence}</p>
      <dl>
        ${clocks.map((clock) => html`<dt>${clock.name}</dt><dd class="clock" data-clock=${clock.name}>${clockWords(clock, isLive)}</dd>`)}
        ${sleepsIn === null ? null : html`<dt>Sleeps in</dt><dd>${sleepsIn}</dd>`}
        ${snapshots.length === 0 ? null : html`<dt>Snapshots</dt><dd class="snapshots"><${Items} items=${snapshots.map(snapshotWords)} none="none" /></dd>`}
        ${view === null ? null : html`<${Schedules} view=${view} />`}
      </dl>
      ${report === null ? null : html`<${Connections} report=${report} />`}
      ${view?.wakefulness === undefined ? null : html`<${Account} account=${view.wakefulness} fetchedAt=${looked.viewedAt.value} />`}
    </${Panel}>
  ` as VNode;
}

function clockWords({ at, counts }: SleepClock, isLive: boolean): string {
  if (!isLive) return `${counts === 'up' ? 'since' : 'at'} ${clockTime(at)}`;
  if (counts === 'down') return `${untilWords(at, ticking.value)} (${timeOfDay(at)})`;
  return spanWords(Math.max(0, Math.floor((ticking.value - at) / 1_000) * 1_000));
}

function snapshotWords({ name, taken_at, by }: KnownSnapshot): string {
  return `${name}, taken at ${clockTime(taken_at)} by ${by}`;
}

function Schedules({ view }: { readonly view: PresentView }): VNode | null {
  const schedules = Object.entries(view.schedules ?? {});
  if (schedules.length === 0) return null;
  const words = schedules.map(([name, { cron, time_zone }]) => {
    const next = view.next_scheduled?.[name];
    const vain = view.schedules_in_vain?.[name];
    const comes = next === undefined ? '' : `, next at ${next}`;
    return `${name} at ${cron} (${time_zone})${vain === undefined ? comes : `, nothing comes of it (${vain})`}`;
  });
  return html`<dt>Schedules</dt><dd class="schedules"><${Items} items=${words} none="none" /></dd>` as VNode;
}

function Connections({ report }: { readonly report: StandbyReport }): VNode | null {
  const { active_inbound_connections: open, connections, eligible, observer } = report;
  if (observer !== null && observer.state !== 'in_order') {
    return html`<p class="problem">Connections cannot be observed: ${observer.error ?? observer.state}.</p>` as VNode;
  }
  if (!eligible) return null;
  const more = open - connections.length;
  return html`
    <h3>${open === 0 ? 'No open connections' : `Open connections: ${open}`}</h3>
    ${
      connections.length === 0
        ? null
        : html`<table class="connections">
            <tbody>
              ${connections.map(
                ({ protocol, client, client_port, port, state }) => html`
                  <tr><td>${protocol}</td><td>${client}:${client_port}</td><td aria-label="to port">→ ${port}</td><td>${state}</td></tr>
                `,
              )}
            </tbody>
          </table>`
    }
    ${more > 0 && connections.length > 0 ? html`<p class="hint">and ${more} more</p>` : null}
  ` as VNode;
}

interface AccountProps {
  readonly account: WakefulnessView;
  readonly fetchedAt: number;
}

/** The present stretch goes on since the account was fetched. */
function Account({ account, fetchedAt }: AccountProps): VNode {
  const since = Math.max(0, ticking.value - fetchedAt);
  const awake = Object.entries(account.awake_by_cause_ms).map(([cause, ms]): [string, number] => [
    `awake: ${plainWords(cause)}`,
    ms + (cause === account.awake_because ? since : 0),
  ]);
  const others = (['asleep', 'down', 'unknown'] as const).map((is): [string, number] => [
    is,
    account[`${is}_ms`] + (account.is === is ? since : 0),
  ]);
  const parts = [...awake.toSorted(([, a], [, b]) => b - a), ...others].filter(([, ms]) => ms > 0);
  const all = parts.reduce((sum, [, ms]) => sum + ms, 0);
  return html`
    <details>
      <summary>Time since ${account.counted_from}</summary>
      <table class="account">
        <tbody>
          ${parts.map(
            ([name, ms]) => html`
              <tr><th scope="row">${name}</th><td>${spanWords(Math.floor(ms / 1_000) * 1_000)}</td><td><meter min="0" max="1" value=${ms / all}>${Math.round((100 * ms) / all)}%</meter></td></tr>
            `,
          )}
        </tbody>
      </table>
    </details>
  ` as VNode;
}
