/** Reads Prometheus' text format, strictly: what does not follow it throws. */

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly kind: string;
  readonly help: string;
  readonly samples: readonly Sample[];
  /** Names of the labels; null while there is no sample. */
  readonly labels: readonly string[] | null;
}

const COMMENT = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/;
const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const KINDS = ['counter', 'gauge', 'histogram', 'summary', 'untyped'];
/** What a histogram appends to its name. */
const PARTS = /_(bucket|sum|count)$/;

export function parseMetrics(text: string): Map<string, Family> {
  if (!text.endsWith('\n')) throw new Error('The last line does not end.');
  const families = new Map<string, { kind: string; help: string; samples: Sample[]; labels: string[] | null }>();
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = COMMENT.exec(line);
    if (comment !== null) {
      const [, what, metric, rest] = comment as unknown as [string, string, string, string];
      const family = families.get(metric) ?? { kind: '', help: '', samples: [], labels: null };
      if (what === 'HELP' ? family.help !== '' : family.kind !== '') throw new Error(`Twice: ${line}`);
      if (what === 'TYPE' && !KINDS.includes(rest)) throw new Error(`No kind of metric: ${line}`);
      families.set(metric, what === 'HELP' ? { ...family, help: rest } : { ...family, kind: rest });
      continue;
    }
    const sample = SAMPLE.exec(line);
    if (sample === null) throw new Error(`Not a line of the format: ${line}`);
    const [, metric = '', labelText = '', valueText = ''] = sample;
    const family = families.get(metric) ?? families.get(metric.replace(PARTS, ''));
    if (family === undefined || family.kind === '') throw new Error(`Without a type: ${line}`);
    const value = valueText === '+Inf' ? Number.POSITIVE_INFINITY : Number(valueText);
    if (Number.isNaN(value)) throw new Error(`Not a number: ${line}`);
    const labels = labelsOf(labelText);
    family.samples.push({ labels, value });
    family.labels = Object.keys(labels).filter((label) => label !== 'le');
  }
  return families;
}

function labelsOf(text: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const label = LABEL.exec(rest);
    if (label === null) throw new Error(`Not a label: ${rest}`);
    const [whole, key = '', value = ''] = label;
    if (key in labels) throw new Error(`Twice: ${key}`);
    labels[key] = value;
    rest = rest.slice(whole.length);
  }
  return labels;
}
