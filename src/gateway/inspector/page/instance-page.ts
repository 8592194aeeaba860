import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { clockTime } from '../../../projections/words/plain.ts';
import { exitsOf, momentOf, pathsIn, type StateValue } from '../model/chart-moment.ts';
import type { ShownRecord } from '../model/record-window.ts';
import { recordWords } from '../model/record-words.ts';
import { ChartDrawing } from './chart-drawing.ts';
import { chartProblem, drawnChart, wantChart } from './chart-layout.ts';
import { type Looked, lookAt } from './instance.ts';
import { LivePanels } from './live-panels.ts';
import { ContextPanel, ExitsPanel, RecordPanel, TimersPanel } from './moment-panels.ts';
import { SleepPanel } from './sleep-panel.ts';
import { TimelineList } from './timeline-list.ts';

/** One instance: where it is on the chart, how it came there, and every moment before. */
export function InstancePage({ instance }: { readonly instance: string }): VNode {
  const looked = useMemo(() => lookAt(instance), [instance]);
  useEffect(() => looked.close, [looked]);
  useEffect(wantChart, []);
  useEffect(() => listenToKeys(looked), [looked]);
  const record = looked.shown.value;
  const before = looked.before.value;
  const isLive = looked.isLive.value;
  return html`
    <main class="instance ${isLive ? 'is-live' : 'is-past'}">
      <${Heading} instance=${instance} looked=${looked} />
      ${record === null ? null : html`<${Stepper} looked=${looked} record=${record} />`}
      ${looked.problem.value === null ? null : html`<p role="alert" class="problem">${looked.problem}</p>`}
      <${Missing} instance=${instance} looked=${looked} />
      <div class="picture">${record === null ? null : html`<${Picture} record=${record} before=${before} isLive=${isLive} />`}</div>
      <div class="panels">
        <${TimelineList} looked=${looked} />
        ${
          record === null
            ? null
            : html`
                <div class="column"><${RecordPanel} record=${record} /><${TimersPanel} record=${record} isLive=${isLive} /><${SleepPanel} record=${record} isLive=${isLive} looked=${looked} /><${Present} looked=${looked} /></div>
                <div class="column"><${ContextPanel} record=${record} before=${before} /><${Exits} record=${record} /></div>
              `
        }
      </div>
    </main>
  ` as VNode;
}

/** In place of a moment that there is not. */
function Missing({ instance, looked }: { readonly instance: string; readonly looked: Looked }): VNode | null {
  if (looked.missing.value === null) return null;
  return html`
    <p role="alert" class="problem">
      There is no version ${looked.missing} of ${looked.view.value?.name ?? instance}.${' '}
      <button type="button" class="live" onClick=${looked.live}>Live</button>
    </p>
  ` as VNode;
}

/** Left and right step, also while the slider has the focus, where they mean the same. */
function listenToKeys({ step, live }: Looked): () => void {
  const onKey = (event: KeyboardEvent): void => {
    const { target } = event;
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (target instanceof HTMLInputElement && target.type !== 'range') return;
    if (event.key === 'ArrowLeft') step(-1);
    else if (event.key === 'ArrowRight') step(1);
    else if (event.key === 'Escape') live();
    else return;
    event.preventDefault();
  };
  addEventListener('keydown', onKey);
  return () => removeEventListener('keydown', onKey);
}

function Heading({ instance, looked }: { readonly instance: string; readonly looked: Looked }): VNode {
  const view = looked.view.value;
  if (view === null) {
    const isGone = looked.window.value.records.length > 0;
    return html`<h1>${instance} ${isGone ? html`<small>is gone; this is its history</small>` : null}</h1>` as VNode;
  }
  return html`
    <h1>
      ${view.name}
      ${looked.isLive.value ? null : html`<small>at present</small>`}
      <span class="state ${view.state}">${view.state}</span>
      <small>${view.phase}, health ${view.health_status.status}, wanted ${view.wanted}, run ${view.run}</small>
    </h1>
  ` as VNode;
}

function Stepper({ looked, record }: { readonly looked: Looked; readonly record: ShownRecord }): VNode {
  const { firstVersion, headVersion } = looked.window.value;
  const isLive = looked.isLive.value;
  const { event, decided } = recordWords(record);
  return html`
    <div class="stepper" role="toolbar" aria-label="Moments">
      <button type="button" aria-label="Earlier record" disabled=${record.version <= firstVersion} onClick=${() => looked.step(-1)}>◀</button>
      <input
        type="range"
        aria-label="Record"
        aria-valuetext="record ${record.version} of ${headVersion}, ${clockTime(record.at)}"
        min=${firstVersion}
        max=${headVersion}
        value=${record.version}
        onInput=${(input: InputEvent) => looked.select(Number((input.currentTarget as HTMLInputElement).value))}
      />
      <button type="button" aria-label="Later record" disabled=${isLive || record.version >= headVersion} onClick=${() => looked.step(1)}>▶</button>
      <button type="button" class="live" aria-pressed=${isLive} onClick=${looked.live}>Live</button>
      <p class="moment" role="status">
        <strong>v${record.version}</strong> ${isLive ? 'now' : clockTime(record.at)}: ${event}${decided.length === 0 ? '' : `: ${decided.join('; ')}`}
      </p>
    </div>
  ` as VNode;
}

interface PictureProps {
  readonly record: ShownRecord;
  readonly before: ShownRecord | null;
  readonly isLive: boolean;
}

function Picture({ record, before, isLive }: PictureProps): VNode {
  const drawn = drawnChart.value;
  const moment = useMemo(
    () => (drawn === null ? null : momentOf(drawn.chart, momentIn(record), before === null ? null : momentIn(before))),
    [drawn, record, before],
  );
  if (drawn === null || moment === null) {
    return html`<p role="status" class="hint">${chartProblem.value ?? 'Laying out the chart …'}</p>` as VNode;
  }
  const isOther = drawn.chart.version !== record.chart.version;
  return html`
    ${isOther ? html`<p class="hint">Chart ${record.chart.version} made this record; it is shown on chart ${drawn.chart.version}.</p>` : null}
    ${moment.unknown.length === 0 ? null : html`<p class="problem">Not in this chart: ${moment.unknown.join(', ')}.</p>`}
    <${ChartDrawing} drawn=${drawn} moment=${moment} event=${record.event.type} isLive=${isLive} />
  ` as VNode;
}

function momentIn({ state, event }: ShownRecord): Parameters<typeof momentOf>[1] {
  return { value: state.value as StateValue, timers: state.timers, event: event.type };
}

function Exits({ record }: { readonly record: ShownRecord }): VNode | null {
  const drawn = drawnChart.value;
  if (drawn === null) return null;
  const active = new Set(pathsIn(record.state.value as StateValue));
  return html`<${ExitsPanel} exits=${exitsOf(drawn.chart, active)} />` as VNode;
}

/** Readings are of the present: of the past nobody has kept them. */
function Present({ looked }: { readonly looked: Looked }): VNode | null {
  const view = looked.view.value;
  if (view === null) return null;
  if (looked.isLive.value) return html`<${LivePanels} view=${view} />` as VNode;
  return html`<p class="hint">Results of probes, open connections and the forecast of restarts are known of the present only: press Live.</p>` as VNode;
}
