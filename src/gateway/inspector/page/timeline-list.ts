import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { clockTime } from '../../../projections/words/plain.ts';
import type { ShownRecord } from '../model/record-window.ts';
import { recordWords } from '../model/record-words.ts';
import { timeOfDay } from '../model/spans.ts';
import type { Looked } from './instance.ts';

/** The records of one instance, newest first. */
export function TimelineList({ looked }: { readonly looked: Looked }): VNode {
  const { records, firstVersion, headVersion } = looked.window.value;
  const chosen = looked.shown.value?.version ?? null;
  const hasOlder = records.length > 0 && records[0]!.version > firstVersion;
  const newest = records.at(-1)?.version ?? 0;
  const list = useRef<HTMLOListElement>(null);
  const isLive = looked.isLive.value;
  // At present the newest is chosen, time and again: whoever reads further down then is left alone.
  useEffect(() => showChosen(list.current), [isLive, isLive ? null : chosen]);
  return html`
    <section class="timeline" aria-label="Timeline">
      <h2>Timeline</h2>
      ${
        newest < headVersion
          ? html`<button type="button" class="more" onClick=${looked.live}>${headVersion - newest} newer records: go to the present</button>`
          : null
      }
      <ol reversed ref=${list}>
        ${records.toReversed().map((record) => html`<${Line} key=${record.version} record=${record} isChosen=${record.version === chosen} looked=${looked} />`)}
      </ol>
      ${hasOlder ? html`<button type="button" class="more" onClick=${looked.loadOlder}>Older records</button>` : null}
      ${records.length > 0 && !hasOlder && firstVersion > 1 ? html`<p class="hint">Older records are not kept.</p>` : null}
    </section>
  ` as VNode;
}

/** Moves the list alone: the page stays where it is. */
function showChosen(list: HTMLOListElement | null): void {
  const chosen = list?.querySelector('.chosen');
  if (list === null || chosen === null || chosen === undefined) return;
  const [frame, line] = [list.getBoundingClientRect(), chosen.getBoundingClientRect()];
  if (line.top < frame.top) list.scrollTop += line.top - frame.top;
  else if (line.bottom > frame.bottom) list.scrollTop += line.bottom - frame.bottom;
}

interface LineProps {
  readonly record: ShownRecord;
  readonly isChosen: boolean;
  readonly looked: Looked;
}

function Line({ record, isChosen, looked }: LineProps): VNode {
  const { event, decided, phase, who } = recordWords(record);
  return html`
    <li>
      <button
        type="button"
        class="record ${isChosen ? 'chosen' : ''}"
        aria-current=${isChosen ? 'true' : null}
        data-version=${record.version}
        onClick=${() => looked.select(record.version)}
      >
        <span class="version">v${record.version}</span>
        <time title=${clockTime(record.at)}>${timeOfDay(record.at)}</time>
        <span class="what">${event}</span>
        <span class="phase">${phase}</span>
        ${decided.length === 0 ? null : html`<span class="decided">${decided.join('; ')}</span>`}
        <span class="who">${who}</span>
      </button>
    </li>
  ` as VNode;
}
