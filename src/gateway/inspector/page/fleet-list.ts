import { signal } from '@preact/signals';
import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { FLEET_ROWS_MAX, type FleetRow } from '../model/fleet-row.ts';
import { untilWords } from '../model/spans.ts';
import { ticking } from './browser-clock.ts';
import { filter, isCut, isLoaded, rows, shownRows } from './fleet.ts';
import { addressOf, goTo } from './session.ts';

/** Only the lines in sight are drawn, so that ten thousand instances are no slower than ten. */

const ROW_HEIGHT = 34;
const ROWS_BEYOND = 8;

const scrolledTo = signal(0);
const sight = signal(800);

export function FleetList(): VNode {
  const shown = shownRows.value;
  const first = Math.max(0, Math.floor(scrolledTo.value / ROW_HEIGHT) - ROWS_BEYOND);
  const visible = shown.slice(first, first + Math.ceil(sight.value / ROW_HEIGHT) + 2 * ROWS_BEYOND);
  const onScroll = (event: Event): void => {
    const { scrollTop, clientHeight } = event.currentTarget as HTMLElement;
    scrolledTo.value = scrollTop;
    sight.value = clientHeight;
  };
  return html`
    <main class="fleet">
      <div class="tools">
        <label for="filter">Filter</label>
        <input
          id="filter"
          type="search"
          placeholder="name, state, phase, health"
          value=${filter}
          onInput=${(event: InputEvent) => (filter.value = (event.currentTarget as HTMLInputElement).value)}
        />
        <span role="status" class="count">${countWords(shown.length)}</span>
      </div>
      <div class="rows" onScroll=${onScroll} ref=${takePlace} tabindex="-1">
        <table aria-rowcount=${shown.length + 1}>
          <thead>
            <tr aria-rowindex="1">
              <th>Name</th><th>State</th><th>Phase</th><th>Health</th><th>Wanted</th><th>Run</th><th>Restarts</th>
            </tr>
          </thead>
          <tbody>
            <${Space} rows=${first} />
            ${visible.map((row, index) => html`<${Row} key=${row.id} row=${row} index=${first + index + 2} />`)}
            <${Space} rows=${shown.length - first - visible.length} />
          </tbody>
        </table>
        ${isLoaded.value && shown.length === 0 ? html`<p class="empty">Nothing to show.</p>` : null}
      </div>
    </main>
  ` as VNode;
}

/** Whoever comes back from an instance finds the list where it was. */
function takePlace(element: HTMLElement | null): void {
  resized.disconnect();
  if (element === null) return;
  resized.observe(element);
  element.scrollTop = scrolledTo.peek();
}

const resized = new ResizeObserver(([entry]) => {
  sight.value = entry?.target.clientHeight ?? sight.peek();
});

function countWords(shown: number): string {
  if (!isLoaded.value) return 'loading';
  const all = rows.value.length;
  const cut = isCut.value ? `; more than ${FLEET_ROWS_MAX} are not shown` : '';
  return `${shown === all ? all : `${shown} of ${all}`} ${all === 1 ? 'instance' : 'instances'}${cut}`;
}

/** Stands for lines out of sight. */
function Space({ rows: count }: { readonly rows: number }): VNode | null {
  if (count <= 0) return null;
  return html`<tr aria-hidden="true"><td colspan="7" class="space" style=${{ height: `${count * ROW_HEIGHT}px` }} /></tr>` as VNode;
}

function Row({ row, index }: { readonly row: FleetRow; readonly index: number }): VNode {
  const target = { instance: row.name, version: null };
  const open = (event: MouseEvent): void => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    goTo(target);
  };
  return html`
    <tr aria-rowindex=${index} data-name=${row.name}>
      <td><a href=${addressOf(target)} onClick=${open}>${row.name}</a></td>
      <td><span class="state ${row.state}">${row.state}</span></td>
      <td title=${row.trouble}>${row.phase}</td>
      <td><span class="health ${row.health}">${row.health}</span></td>
      <td>${row.wanted}</td>
      <td>${row.run}</td>
      <td><${Restarts} row=${row} /></td>
    </tr>
  ` as VNode;
}

function Restarts({ row: { attempts, nextAttemptAt, blocked, phase } }: { readonly row: FleetRow }): VNode {
  const parts = [
    ...(attempts === 0 ? [] : [`${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`]),
    ...(blocked === null ? [] : [`blocked: ${blocked.replaceAll('_', ' ')}`]),
    ...(phase === 'held' ? ['waits for the host'] : []),
    ...(nextAttemptAt === null || phase === 'held' ? [] : [`next ${untilWords(nextAttemptAt, ticking.value)}`]),
  ];
  return html`<span>${parts.join(', ')}</span>` as VNode;
}
