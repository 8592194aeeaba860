import { readFile, stat } from 'node:fs/promises';
import { PlacedError } from '../yaml-source.ts';
import { START_MS } from './definitions.ts';
import { spawnsOf, viewOf } from './expectations.ts';
import { runScenario, type ScenarioRun } from './run-scenario.ts';
import { parseScenario, type Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import type { Stage } from './stage.ts';
import { checkedLines, eventText, momentLines, offsetText, sleepText, timesText } from './texts.ts';

/** `statevisor simulate FILE`: what policies will do, told in advance. */

/** Largest scenario file that is read. */
const FILE_MAX_BYTES = 1024 * 1024;

const EXIT = { fine: 0, expectationFailed: 1, badFile: 2 } as const;

export interface SimulateOptions {
  /** One JSON document instead of a timeline for people. */
  readonly json: boolean;
  /** Records after which a scenario is given up. */
  readonly recordsMax?: number;
  readonly out: (line: string) => void;
  readonly err: (line: string) => void;
}

/** Answers the exit code: 0, 1 when an expectation fails, 2 when the file cannot be run; it never rejects for those. */
export async function runSimulate(file: string, options: SimulateOptions): Promise<number> {
  const { json, out, err, recordsMax } = options;
  try {
    const scenario = parseScenario(await readScenarioFile(file));
    const run = await runScenario(scenario, recordsMax);
    const lines = json ? [JSON.stringify(await documentOf(run), null, 2)] : await reportOf(scenario, run);
    for (const line of lines) out(line);
    const failed = run.checked.filter(({ mismatches }) => mismatches.length > 0);
    if (json) for (const line of failed.flatMap((checked) => checkedLines(checked, scenario.source))) err(line);
    return failed.length === 0 ? EXIT.fine : EXIT.expectationFailed;
  } catch (error) {
    if (!(error instanceof PlacedError)) throw error;
    const { line, column } = error.place;
    err(`${file}:${line}:${column}: ${error.message} (line ${line}, column ${column})`);
    return EXIT.badFile;
  }
}

async function readScenarioFile(file: string): Promise<string> {
  const top = { line: 1, column: 1 };
  try {
    if ((await stat(file)).size > FILE_MAX_BYTES) {
      throw new ScenarioError(`the file is larger than ${FILE_MAX_BYTES} bytes`, top);
    }
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof PlacedError) throw error;
    throw new ScenarioError(`cannot be read: ${error instanceof Error ? error.message : String(error)}`, top);
  }
}

async function reportOf({ instances, source, untilMs }: Scenario, { stage, checked }: ScenarioRun): Promise<string[]> {
  const nameWidth = Math.max(...instances.map(({ name }) => name.length));
  const lines = [`0s is ${new Date(START_MS).toISOString()}; ${instances.map(({ name }) => name).join(', ')}: stopped`];
  for (const moment of stage.moments) if (moment.at >= 0) lines.push(...momentLines(moment, nameWidth));
  lines.push('', `At ${offsetText(untilMs)}:`);
  const boots = spawnsOf(stage, await stage.control.journal(), 'boots');
  for (const { name } of instances) {
    const view = await viewOf(stage, name);
    const state = view === null ? 'gone' : `${view.state} (${view.phase})`;
    lines.push(`  ${name.padEnd(nameWidth)}  ${state}, booted ${timesText(boots[name] ?? 0)}`);
    const slept = view === null ? null : sleepText(view, sleepsOf(stage, name));
    if (slept !== null) lines.push(`  ${' '.repeat(nameWidth)}  ${slept}`);
  }
  if (checked.length > 0) lines.push('', 'Expectations:', ...checked.flatMap((one) => checkedLines(one, source)));
  return lines;
}

/** How often it has fallen asleep. */
function sleepsOf({ moments }: Stage, of: string): number {
  return moments.reduce((sum, moment) => {
    if (moment.kind !== 'record' || moment.name !== of) return sum;
    return sum + moment.published.record.facts.filter(({ type }) => type === 'standby.entered').length;
  }, 0);
}

/** Everything a program may want to know of a run. Records are those of the log, in its order. */
async function documentOf({ stage, checked }: ScenarioRun): Promise<unknown> {
  const journal = await stage.control.journal();
  const { source, untilMs } = stage.scenario;
  return {
    starts_at: new Date(START_MS).toISOString(),
    until: offsetText(untilMs),
    passed: checked.every(({ mismatches }) => mismatches.length === 0),
    expectations: checked.map(({ expectation, text, mismatches }) => ({
      text,
      ...source.place(['expect', expectation.index]),
      passed: mismatches.length === 0,
      mismatches,
    })),
    views: await viewsOf(stage),
    boots: spawnsOf(stage, journal, 'boots'),
    restores: spawnsOf(stage, journal, 'restores'),
    timeline: stage.moments.map((moment) => ({
      at: offsetText(moment.at),
      instance: moment.name,
      ...(moment.kind === 'record'
        ? { event: eventText(moment.published.record.event), record: moment.published.record.id }
        : { text: moment.text, ...(moment.kind === 'refused' ? { refused: moment.code } : {}) }),
    })),
    records: await recordsOf(stage),
    journal,
  };
}

async function viewsOf(stage: Stage): Promise<Record<string, unknown>> {
  const views: Record<string, unknown> = {};
  for (const name of stage.ids.keys()) views[name] = await viewOf(stage, name);
  return views;
}

async function recordsOf({ log }: Stage): Promise<unknown[]> {
  const records: unknown[] = [];
  for await (const entry of log.readAll(null)) records.push(JSON.parse(entry.bytes));
  return records;
}
