import type { z } from 'zod';
import { type Path, readYaml, type YamlSource } from '../yaml-source.ts';
import { ScenarioError } from './scenario-error.ts';
import {
  EXPECTATION_KINDS,
  type Expectation,
  type ScenarioHost,
  scenarioSchema,
  TIMELINE_KINDS,
  type TimelineLine,
  UNTIL_MAX_MS,
} from './scenario-schema.ts';

/** How long a scenario goes on after the last instant it names, when it does not say `until`. */
export const UNTIL_DEFAULT_MS = 600_000;

export interface ScenarioInstance {
  readonly name: string;
  /** Fields of the create request as users write them. */
  readonly request: Readonly<Record<string, unknown>>;
  readonly bootMs: number | undefined;
  readonly shutdown: number | 'ignored' | undefined;
}

/** A scenario whose every line was understood. Times are milliseconds after 0s. */
export interface Scenario {
  readonly host: ScenarioHost;
  readonly instances: readonly ScenarioInstance[];
  /** By time; lines of one instant in the order of the file. */
  readonly timeline: readonly TimelineLine[];
  readonly expectations: readonly Expectation[];
  readonly untilMs: number;
  readonly source: YamlSource;
}

/** Throws ScenarioError with the place of the first thing that is wrong. */
export function parseScenario(text: string): Scenario {
  const source = readYaml(text);
  const given = parsePart(scenarioSchema, source.value, [], source);
  const names = Object.keys(given.instances);
  const timeline = given.timeline.map((line, index) => parseLine(line, index, source));
  const expectations = given.expect.map((line, index) => parseExpectation(line, index, source));
  const named = [...timeline.map(({ at }) => at), ...expectations.flatMap(timesOf)];
  const untilMs = given.until ?? Math.min(Math.max(0, ...named) + UNTIL_DEFAULT_MS, UNTIL_MAX_MS);
  for (const line of timeline) checkLine(line, names, untilMs, source);
  for (const expectation of expectations) checkExpectation(expectation, names, untilMs, source);
  checkDowntimes(timeline, source);
  return {
    host: given.host,
    instances: Object.entries(given.instances).map(([name, { boot, shutdown, ...request }]) => ({
      name,
      request,
      bootMs: boot,
      shutdown,
    })),
    timeline: timeline.toSorted((a, b) => a.at - b.at),
    expectations,
    untilMs,
    source,
  };
}

/** Parses one part of the file; the first issue becomes an error at its place. */
export function parsePart<S extends z.ZodType>(schema: S, value: unknown, path: Path, source: YamlSource): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0]!;
  const where = [...path, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!;
    throw new ScenarioError(`${fieldText([...where, key])} is not known here`, source.placeOfKey(where, key));
  }
  const message = issue.message.startsWith('Invalid') ? issue.message.replace('Invalid input: ', '') : issue.message;
  throw new ScenarioError(`${fieldText(where)}: ${message}`, source.place(where));
}

function fieldText(path: Path): string {
  const text = path.map((part) => (typeof part === 'number' ? `[${part + 1}]` : `.${String(part)}`)).join('');
  return text.replace(/^\./, '') || 'the scenario';
}

/** Keys that stand in lines of several kinds. */
const BESIDE_KIND = ['at', 'between', 'instance', 'count', 'with'];

/** The one key of a line that says which kind it is. `update` beside `do` belongs to it. */
function kindOf<K extends string>(
  line: object,
  kinds: Readonly<Record<K, unknown>>,
  path: Path,
  source: YamlSource,
): K {
  const all = Object.keys(kinds) as K[];
  const present = all.filter((kind) => kind in line && !(kind === 'update' && 'do' in line));
  const [kind, other] = present;
  if (kind === undefined) {
    const stranger = Object.keys(line).find((key) => !BESIDE_KIND.includes(key));
    const wanted = `one of ${all.join(', ')}`;
    if (stranger === undefined) throw new ScenarioError(`${fieldText(path)} needs ${wanted}`, source.place(path));
    const message = `${fieldText([...path, stranger])} is not known here; ${fieldText(path)} needs ${wanted}`;
    throw new ScenarioError(message, source.placeOfKey(path, stranger));
  }
  if (other === undefined) return kind;
  throw new ScenarioError(`${fieldText(path)} has both ${kind} and ${other}`, source.placeOfKey(path, other));
}

function parseLine(line: object, index: number, source: YamlSource): TimelineLine {
  const path = ['timeline', index];
  const kind = kindOf(line, TIMELINE_KINDS, path, source);
  return { kind, index, ...parsePart(TIMELINE_KINDS[kind], line, path, source) } as TimelineLine;
}

function parseExpectation(line: object, index: number, source: YamlSource): Expectation {
  const path = ['expect', index];
  const kind = kindOf(line, EXPECTATION_KINDS, path, source);
  return { kind, index, ...parsePart(EXPECTATION_KINDS[kind], line, path, source) } as Expectation;
}

/** Every instant an expectation names. */
function timesOf(expectation: Expectation): number[] {
  const moment = expectation.kind === 'never' ? expectation.never : expectation;
  const between = 'between' in moment ? (moment.between ?? []) : [];
  return [...(moment.at === undefined ? [] : [moment.at]), ...between];
}

function checkInstance(name: string | undefined, names: readonly string[], path: Path, source: YamlSource): void {
  if (name === undefined || names.includes(name)) return;
  throw new ScenarioError(`there is no instance ${name}; there are ${names.join(', ')}`, source.place(path));
}

function needInstance(
  given: { instance?: string | undefined },
  names: readonly string[],
  path: Path,
  source: YamlSource,
) {
  if (given.instance !== undefined || names.length === 1) return;
  throw new ScenarioError(`${fieldText(path)} must name its instance: there are several`, source.place(path));
}

function checkLine(line: TimelineLine, names: readonly string[], untilMs: number, source: YamlSource): void {
  const path = ['timeline', line.index];
  if (line.at > untilMs) {
    throw new ScenarioError(
      `${fieldText(path)} comes after the end of the scenario (until)`,
      source.place([...path, 'at']),
    );
  }
  if ('instance' in line) checkInstance(line.instance, names, [...path, 'instance'], source);
  const ofOne = ['do', 'update', 'guest', 'probe', 'traffic', 'snapshot', 'agent'].includes(line.kind);
  if (ofOne) needInstance(line as { instance?: string }, names, path, source);
  if (line.kind === 'do' && line.do === 'update' && line.update === undefined) {
    throw new ScenarioError(
      `${fieldText(path)} says update and not what: { update: … }`,
      source.place([...path, 'do']),
    );
  }
}

function checkExpectation(
  expectation: Expectation,
  names: readonly string[],
  untilMs: number,
  source: YamlSource,
): void {
  const path = ['expect', expectation.index];
  if (timesOf(expectation).some((time) => time > untilMs)) {
    throw new ScenarioError(
      `${fieldText(path)} names a time after the end of the scenario (until)`,
      source.place(path),
    );
  }
  if ('instance' in expectation) checkInstance(expectation.instance, names, [...path, 'instance'], source);
  if (expectation.kind === 'never') {
    checkInstance(expectation.never.instance, names, [...path, 'never', 'instance'], source);
  }
  if (expectation.kind === 'view') needInstance(expectation, names, path, source);
  if (expectation.kind !== 'boots' && expectation.kind !== 'restores') return;
  const counts = expectation.kind === 'boots' ? expectation.boots : expectation.restores;
  for (const name of typeof counts === 'number' ? [] : Object.keys(counts)) {
    checkInstance(name, names, [...path, expectation.kind, name], source);
  }
}

/** A daemon that is down cannot be killed. */
function checkDowntimes(timeline: readonly TimelineLine[], source: YamlSource): void {
  let backAt = 0;
  for (const line of timeline.toSorted((a, b) => a.at - b.at)) {
    if (line.kind !== 'daemon' && line.kind !== 'host') continue;
    if (line.at < backAt) {
      throw new ScenarioError('the daemon is still down at this time', source.place(['timeline', line.index]));
    }
    backAt = line.at + line.down;
  }
}
