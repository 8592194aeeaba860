import { html } from 'htm/preact';
import type { VNode } from 'preact';
import type { ProbesView } from '../../../projections/health-view.ts';
import type { AttemptView, PendingRestartView } from '../../../projections/restart-view.ts';
import { clockTime } from '../../../projections/words/plain.ts';
import { timeOfDay, untilWords } from '../model/spans.ts';
import { now, ticking } from './browser-clock.ts';
import type { PresentView } from './instance.ts';
import { Items, Panel } from './moment-panels.ts';

/** What is so at present and stands in no record: results of probes, and what the restart policy would do next. */

export function LivePanels({ view }: { readonly view: PresentView }): VNode {
  return html`<${RestartPanel} view=${view} /><${ProbesPanel} view=${view} />` as VNode;
}

function RestartPanel({ view }: { readonly view: PresentView }): VNode {
  const { restart_policy: policy, restart_forecast: forecast, restart } = view;
  if (policy === undefined) {
    return html`<${Panel} title="Restarts"><p class="hint">There is no restart policy: nothing is restarted.</p></${Panel}>` as VNode;
  }
  const foretold =
    forecast?.attempts.map(({ attempt, not_before }) => `attempt ${attempt} ${whenWords(not_before)}`) ?? [];
  return html`
    <${Panel} title="Restarts">
      <dl>
        <dt>Policy</dt><dd>${policy.policy.replace('_', ' ')}, ${limitWords(policy.max_attempts)}</dd>
        <dt>Pending</dt><dd>${restart?.pending === undefined ? html`<span class="hint">nothing</span>` : pendingWords(restart.pending)}</dd>
        ${restart?.held_back_by === undefined ? null : html`<dt>Held back by</dt><dd>${restart.held_back_by}</dd>`}
        ${restart?.waived === true ? html`<dt>Waived</dt><dd>somebody did without the restart that was pending</dd>` : null}
        <dt>Attempts so far</dt><dd><${Items} items=${(restart?.causes ?? []).toReversed().map(attemptWords)} none="none" /></dd>
        ${
          forecast === undefined
            ? null
            : html`
                <dt>Forecast, if every run failed at once</dt>
                <dd class="forecast"><${Items} items=${foretold} none="no further attempt" /><p>${endWords(forecast)}</p></dd>
              `
        }
      </dl>
    </${Panel}>
  ` as VNode;
}

function limitWords(most: number | undefined): string {
  return most === undefined || most === 0
    ? 'without a limit'
    : `at most ${most} ${most === 1 ? 'attempt' : 'attempts'}`;
}

/** An instant that the daemon has just named may lie after the last tick. */
function whenWords(instant: string): string {
  const at = Date.parse(instant);
  return at <= ticking.value || at <= now() ? 'at once' : `${untilWords(at, ticking.value)} (${timeOfDay(at)})`;
}

function pendingWords({ cause, waits_for, not_before }: PendingRestartView): string {
  const when = not_before === null ? '' : ` ${whenWords(not_before)}`;
  return `a restart because of ${cause.replace('_', ' ')}, waits for ${waits_for.replaceAll('_', ' ')}${when}`;
}

function attemptWords({ attempt, at, cause, detail }: AttemptView): string {
  return `attempt ${attempt} at ${clockTime(Date.parse(at))}, because of ${cause}: ${detail}`;
}

function endWords({ gives_up_after, unbounded }: NonNullable<PresentView['restart_forecast']>): string {
  if (unbounded) return 'and so on: it never gives up';
  return gives_up_after === null ? 'and so on' : `gives up after attempt ${gives_up_after}`;
}

const RESULT_MARKS: Readonly<Record<ProbesView['last_results'][number]['result'], string>> = {
  passed: '✓ passed',
  failed: '✗ failed',
  unavailable: '? could not be made',
};

function ProbesPanel({ view }: { readonly view: PresentView }): VNode | null {
  const { probes, health_status: health } = view;
  if (view.health_check === undefined) return null;
  if (probes === undefined) {
    return html`<${Panel} title="Probes"><p class="hint">The guest is not probed at present.</p></${Panel}>` as VNode;
  }
  return html`
    <${Panel} title="Probes">
      <p>
        ${health.consecutive_successes} passed in a row, ${health.consecutive_failures} failed in a row${
          probes.missed === 0 ? '' : `, ${probes.missed} could not be started in time`
        }
      </p>
      <table class="probes">
        <tbody>
          ${probes.last_results.toReversed().map(
            ({ at, result, duration_ms, error }) => html`
              <tr class=${result}>
                <td>${timeOfDay(Date.parse(at))}</td>
                <td>${RESULT_MARKS[result]}</td>
                <td>${duration_ms === null ? '' : `${duration_ms} ms`}</td>
                <td>${error}</td>
              </tr>
            `,
          )}
        </tbody>
      </table>
    </${Panel}>
  ` as VNode;
}
