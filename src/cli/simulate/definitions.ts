import type { Changes, Definition } from '../../../machines/definition.ts';
import { parseDuration } from '../../../machines/duration.ts';
import { StatevisorError } from '../../actors/errors.ts';
import { parseCreate } from '../../gateway/requests/create.ts';
import { requireWayIn } from '../../gateway/requests/health-check.ts';
import { parseUpdate } from '../../gateway/requests/update.ts';
import type { Path, YamlSource } from '../yaml-source.ts';
import type { Scenario, ScenarioInstance } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import type { TimelineLine } from './scenario-schema.ts';

/** What users write about instances is understood by the doors' own parsers; here their refusals are given a place. */

/** 0s of every scenario: 2026-01-01T12:00:00Z. */
export const START_MS = Date.UTC(2026, 0, 1, 12);

/** Fields of a create request that a scenario decides itself. */
const DECIDED_HERE = ['name', 'start', 'wait'];

/** Throws ScenarioError at the field at fault. */
export function definitionOf({ name, request }: ScenarioInstance, source: YamlSource): Definition {
  const path = ['instances', name];
  const decided = DECIDED_HERE.find((field) => field in request);
  if (decided !== undefined) {
    throw new ScenarioError(
      `instances.${name}.${decided} is decided by the scenario`,
      source.placeOfKey(path, decided),
    );
  }
  const input = { image: 'demo', ...withInstant(request), name, start: false };
  return placed(path, source, () => parseCreate(input, START_MS).definition);
}

/** The changes of an `update` line. `nowMs`: epoch ms, for a ttl. Throws ScenarioError at the field at fault. */
export function changesOf(line: TimelineLine, nowMs: number, source: YamlSource): Changes | null {
  const found = updateIn(line);
  if (found === null) return null;
  const path = ['timeline', line.index, ...found.path];
  return placed(path, source, () => parseUpdate({ ...withInstant(found.update), id: 'unused' }, nowMs).changes);
}

/** Refuses every update that could not be sent, before anything is simulated. */
export function checkUpdates(scenario: Scenario, definitions: ReadonlyMap<string, Definition>): void {
  for (const line of scenario.timeline) {
    const changes = changesOf(line, START_MS + line.at, scenario.source);
    const name = 'instance' in line && line.instance !== undefined ? line.instance : scenario.instances[0]?.name;
    const definition = definitions.get(name ?? '');
    if (changes === null || definition === undefined) continue;
    placed(['timeline', line.index], scenario.source, () => requireWayIn(changes.health_check, definition));
  }
}

function updateIn(line: TimelineLine): { update: Readonly<Record<string, unknown>>; path: Path } | null {
  if (line.kind === 'update') return { update: line.update, path: ['update'] };
  if (line.kind !== 'do') return null;
  if (typeof line.do === 'object') return { update: line.do.update, path: ['do', 'update'] };
  return line.do === 'update' ? { update: line.update ?? {}, path: ['update'] } : null;
}

/** `expires_at: +30s` means 30 seconds after 0s; YAML may also have read an instant as a text. */
function withInstant(request: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const at = request.expires_at;
  if (typeof at !== 'string' || !at.startsWith('+')) return request;
  const offsetMs = parseDuration(at);
  return offsetMs === null ? request : { ...request, expires_at: new Date(START_MS + offsetMs).toISOString() };
}

function placed<T>(path: Path, source: YamlSource, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof StatevisorError)) throw error;
    const field = error.field?.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part)) ?? [];
    const prefix = path.map((part) => (typeof part === 'number' ? `[${part + 1}]` : `.${String(part)}`)).join('');
    const owner = [...path, ...field.slice(0, -1)];
    const last = field.at(-1);
    const place = last === undefined ? source.place(path) : source.placeOfKey(owner, String(last));
    throw new ScenarioError(`${prefix.slice(1)}: ${error.message}`, place);
  }
}
