import { html } from 'htm/preact';
import type { ComponentChildren, VNode } from 'preact';
import { clockTime } from '../../../projections/words/plain.ts';
import type { Exit } from '../model/chart-moment.ts';
import { differences, leavesOf } from '../model/context-difference.ts';
import type { ShownRecord } from '../model/record-window.ts';
import { recordWords } from '../model/record-words.ts';
import { untilWords } from '../model/spans.ts';
import { ticking } from './browser-clock.ts';

/** What one record says: what happened, what was decided and done, what waits, and what the chart remembers. */

export interface MomentProps {
  readonly record: ShownRecord;
  readonly before: ShownRecord | null;
  readonly isLive: boolean;
}

export function RecordPanel({ record }: MomentProps): VNode {
  const { event, who, decided, done } = recordWords(record);
  return html`
    <${Panel} title="Record ${record.version}">
      <dl>
        <dt>Event</dt><dd><code>${record.event.type}</code> ${event}</dd>
        <dt>From</dt><dd>${who}</dd>
        <dt>At</dt><dd><time>${clockTime(record.at)}</time></dd>
        <dt>Decided</dt><dd><${Items} items=${decided} none="nothing" /></dd>
        <dt>Asked of the world</dt><dd><${Items} items=${done} none="nothing" /></dd>
        <dt>Chart</dt><dd>version ${record.chart.version}</dd>
      </dl>
    </${Panel}>
  ` as VNode;
}

export function TimersPanel({ record, isLive }: MomentProps): VNode {
  const { timers } = record.state;
  const words = timers.map(({ name, due, armed }) => {
    const when = isLive ? untilWords(due, ticking.value) : `at ${clockTime(due)}`;
    return `${name.replace('timer.', '').replaceAll('_', ' ')} ${when} (armed by v${armed})`;
  });
  return html`<${Panel} title="Timers that wait"><${Items} items=${words} none="none" /></${Panel}>` as VNode;
}

export function ContextPanel({ record, before }: MomentProps): VNode {
  const changed = before === null ? [] : differences(before.state.context, record.state.context);
  const names = new Set(changed.map(({ field }) => field));
  return html`
    <${Panel} title="Context">
      <h3>${before === null ? 'The record before is not kept' : `Changed since v${before.version}`}</h3>
      ${
        before !== null && changed.length === 0
          ? html`<p class="hint">nothing</p>`
          : html`<table class="difference">
              <tbody>
                ${changed.map(
                  ({ field, before: old, after }) => html`
                    <tr><th scope="row">${field}</th><td><del>${old ?? ''}</del></td><td aria-hidden="true">→</td><td><ins>${after ?? ''}</ins></td></tr>
                  `,
                )}
              </tbody>
            </table>`
      }
      <details>
        <summary>Everything it remembers</summary>
        <table class="context">
          <tbody>
            ${[...leavesOf(record.state.context)].map(
              ([field, value]) =>
                html`<tr class=${names.has(field) ? 'changed' : ''}><th scope="row">${field}</th><td>${value}</td></tr>`,
            )}
          </tbody>
        </table>
      </details>
    </${Panel}>
  ` as VNode;
}

export function Panel({ title, children }: { readonly title: string; readonly children?: ComponentChildren }): VNode {
  return html`<section class="panel" aria-label=${title}><h2>${title}</h2>${children}</section>` as VNode;
}

export function Items({ items, none }: { readonly items: readonly string[]; readonly none: string }): VNode {
  if (items.length === 0) return html`<span class="hint">${none}</span>` as VNode;
  return html`<ul>${items.map((item) => html`<li>${item}</li>`)}</ul>` as VNode;
}

/** Everything that leads on from here, for whoever reads instead of looking at arrows. */
export function ExitsPanel({ exits }: { readonly exits: readonly Exit[] }): VNode {
  const byRegion = Map.groupBy(exits, ({ from }) => from.split('.')[0] ?? '');
  return html`
    <${Panel} title="What leads on from here">
      ${[...byRegion].map(
        ([region, list]) => html`
          <details>
            <summary>${region}: ${list.length} ways</summary>
            <ul>
              ${list.map(({ event, guards, from, to }) => html`<li><code>${event}</code>${guards.length === 0 ? '' : ` [${guards.join(' or ')}]`}: ${from} → ${to}</li>`)}
            </ul>
          </details>
        `,
      )}
    </${Panel}>
  ` as VNode;
}
