import { html } from 'htm/preact';
import type { VNode } from 'preact';
import { clockTime } from '../../../projections/words/plain.ts';
import type { ChartMoment, RunningTimer } from '../model/chart-moment.ts';
import type { DrawnArrow, StateBox } from '../model/chart-picture.ts';
import { untilWords } from '../model/spans.ts';
import { ticking } from './browser-clock.ts';
import type { DrawnChart } from './chart-layout.ts';

/**
 * The chart as a picture at one moment. Active states have a thick border, a filled ground and a mark, so that nobody has
 * to tell colours apart; an arrow just taken is thick and carries its events.
 */

export interface ChartDrawingProps {
  readonly drawn: DrawnChart;
  readonly moment: ChartMoment;
  /** Type of the record's event: the one that is written beside an arrow it took. */
  readonly event: string;
  /** In the past nothing counts down. */
  readonly isLive: boolean;
}

const MARGIN = 8;

export function ChartDrawing({ drawn: { picture }, moment, event, isLive }: ChartDrawingProps): VNode {
  const { width, height, boxes, arrows } = picture;
  const leaving = (arrow: DrawnArrow): boolean => moment.active.has(arrow.from) && !moment.taken.has(arrow.id);
  const drawnAlways = arrows.filter((arrow) => arrow.always && !leaving(arrow) && !moment.taken.has(arrow.id));
  const taken = arrows.filter(({ id }) => moment.taken.has(id));
  return html`
    <svg
      class="chart"
      role="group"
      aria-label="Statechart; active: ${activeWords(moment)}"
      viewBox="${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}"
    >
      <defs>
        ${['plain', 'leaving', 'taken'].map(
          (kind) => html`
            <marker id="tip-${kind}" class="tip ${kind}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" markerUnits="userSpaceOnUse" orient="auto">
              <path d="M0 0L8 4L0 8z" />
            </marker>
          `,
        )}
      </defs>
      ${boxes.map((box) => html`<${State} key=${box.state.path} box=${box} moment=${moment} />`)}
      <g aria-hidden="true">
        ${drawnAlways.map((arrow) => html`<${Line} key=${arrow.id} arrow=${arrow} kind="plain" />`)}
        ${arrows.filter((arrow) => arrow.always && leaving(arrow)).map((arrow) => html`<${Line} key=${arrow.id} arrow=${arrow} kind="leaving" />`)}
      </g>
      ${taken.map((arrow) => html`<${Line} key=${arrow.id} arrow=${arrow} kind="taken" />`)}
      ${taken.map((arrow) => html`<${Label} key=${arrow.id} arrow=${arrow} event=${event} />`)}
      ${boxes.map((box) => html`<${Timers} key=${box.state.path} box=${box} timers=${moment.timers.get(box.state.path) ?? []} isLive=${isLive} />`)}
    </svg>
  ` as VNode;
}

function activeWords({ active }: ChartMoment): string {
  return [...active].filter((path) => ![...active].some((other) => other.startsWith(`${path}.`))).join(', ');
}

interface StateProps {
  readonly box: StateBox;
  readonly moment: ChartMoment;
}

function State({ box: { x, y, width, height, state, depth }, moment }: StateProps): VNode {
  const isActive = moment.active.has(state.path);
  const kind = depth === 0 ? 'region' : state.states.length > 0 ? 'outer' : 'leaf';
  return html`
    <g
      class="chart-state ${kind} ${isActive ? 'active' : ''}"
      role="group"
      data-path=${state.path}
      aria-current=${isActive ? 'true' : null}
      tabindex=${isActive && kind === 'leaf' ? 0 : null}
      aria-label="${state.path}${isActive ? ', active' : ''}"
    >
      <title>${titleOf(state.path, isActive, state.tags)}</title>
      <rect x=${x} y=${y} width=${width} height=${height} rx=${kind === 'region' ? 12 : 7} />
      ${isActive && kind !== 'region' ? html`<circle class="mark" cx=${x + 11} cy=${y + 16} r="4" />` : null}
      <text x=${x + (kind === 'region' ? 12 : 20)} y=${y + 20.5}>${state.name}</text>
    </g>
  ` as VNode;
}

function titleOf(path: string, isActive: boolean, tags: readonly string[]): string {
  return `${path}${isActive ? ' (active)' : ''}${tags.length === 0 ? '' : `; ${tags.join(', ')}`}`;
}

interface TimersProps {
  readonly box: StateBox;
  readonly timers: readonly RunningTimer[];
  readonly isLive: boolean;
}

/** Over everything else: below a state, and above one with others inside. */
function Timers({ box: { x, y, width, height, state }, timers, isLive }: TimersProps): VNode[] {
  const isOuter = state.states.length > 0;
  return timers.map(
    (timer, index) =>
      html`<${Timer} timer=${timer} x=${x + width / 2} y=${isOuter ? y - 5 - 18 * index : y + height + 3 + 18 * index} isLive=${isLive} />` as VNode,
  );
}

interface TimerProps {
  readonly timer: RunningTimer;
  readonly x: number;
  readonly y: number;
  readonly isLive: boolean;
}

function Timer({ timer: { name, due }, x, y, isLive }: TimerProps): VNode {
  const words = isLive ? untilWords(due, ticking.value) : clockTime(due).slice(11, 19);
  const text = `${name.replace('timer.', '')} ${words}`;
  const width = text.length * 6.3 + 12;
  return html`
    <g class="chart-timer" data-timer=${name} role="timer">
      <title>${name} is due at ${clockTime(due)}</title>
      <rect x=${x - width / 2} y=${y - 9} width=${width} height="18" rx="9" />
      <text x=${x} y=${y + 4} text-anchor="middle">${text}</text>
    </g>
  ` as VNode;
}

interface LineProps {
  readonly arrow: DrawnArrow;
  readonly kind: 'plain' | 'leaving' | 'taken';
}

function Line({ arrow: { path, from, to, causes }, kind }: LineProps): VNode {
  const words = causes.map(({ event, guards }) => (guards.length === 0 ? event : `${event} [${guards.join(' or ')}]`));
  return html`
    <path class="chart-arrow ${kind}" d=${path} marker-end="url(#tip-${kind})" data-from=${from} data-to=${to}>
      <title>${from} to ${to}: ${words.join(', ')}</title>
    </path>
  ` as VNode;
}

/** Longest list of events that is written beside an arrow. */
const LABEL_EVENTS_MAX = 2;

function Label({ arrow, event }: { readonly arrow: DrawnArrow; readonly event: string }): VNode {
  const { causes, middle } = arrow;
  const own = causes.filter((cause) => cause.event === event);
  const named = (own.length > 0 ? own : causes).slice(0, LABEL_EVENTS_MAX).map((cause) => cause.event);
  const text = `${named.join(', ')}${own.length === 0 && causes.length > LABEL_EVENTS_MAX ? ' …' : ''}`;
  const width = text.length * 6.3 + 10;
  return html`
    <g class="chart-label">
      <rect x=${middle.x - width / 2} y=${middle.y - 9} width=${width} height="18" rx="4" />
      <text x=${middle.x} y=${middle.y + 4} text-anchor="middle">${text}</text>
    </g>
  ` as VNode;
}
