/**
 * Every file the inspector's page may ask for, and no other: the page's own, what it has in common with the command
 * line (so that both tell a record in the same words), and the packages it is made with. Paths are those below the
 * project's directory; a page's imports lead to the same places in the browser as on the disk.
 */
const OWN = 'src/gateway/inspector';

export const PAGE_FILE = `${OWN}/page/index.html`;

export const SOURCE_FILES: readonly string[] = [
  ...[
    'app',
    'browser-clock',
    'chart-drawing',
    'chart-layout',
    'daemon',
    'feed',
    'fleet',
    'fleet-list',
    'instance',
    'instance-page',
    'live-panels',
    'main',
    'moment-panels',
    'session',
    'sign-in',
    'sleep-panel',
    'timeline-list',
  ].map((name) => `${OWN}/page/${name}.ts`),
  ...[
    'chart-graph',
    'chart-moment',
    'chart-picture',
    'context-difference',
    'fleet-row',
    'record-window',
    'record-words',
    'sleep-words',
    'spans',
  ].map((name) => `${OWN}/model/${name}.ts`),
  'src/gateway/http/sse-messages.ts',
  'src/projections/words/effect-words.ts',
  'src/projections/words/event-words.ts',
  'src/projections/words/fact-words.ts',
  'src/projections/words/plain.ts',
  'src/projections/words/wakefulness-words.ts',
  'machines/duration.ts',
  'machines/public-states.ts',
  'machines/wakefulness.ts',
];

export const STYLE_FILES: readonly string[] = [`${OWN}/page/style.css`];

export const PICTURE_FILES: readonly string[] = [`${OWN}/page/icon.svg`];

export interface PackageModule {
  readonly specifier: string;
  readonly file: string;
  readonly name: string;
  /** It is no module of its own but sets this global, which is then what it exports. */
  readonly setsGlobal?: string;
}

/** Modules of packages: the name by which others import it, its file below node_modules, and its name for the page. */
export const PACKAGE_MODULES: readonly PackageModule[] = [
  { specifier: 'preact', file: 'preact/dist/preact.mjs', name: 'preact.js' },
  { specifier: 'preact/hooks', file: 'preact/hooks/dist/hooks.mjs', name: 'preact-hooks.js' },
  { specifier: '@preact/signals-core', file: '@preact/signals-core/dist/signals-core.mjs', name: 'signals-core.js' },
  { specifier: '@preact/signals', file: '@preact/signals/dist/signals.mjs', name: 'signals.js' },
  { specifier: 'htm', file: 'htm/dist/htm.mjs', name: 'htm.js' },
  { specifier: 'htm/preact', file: 'htm/preact/index.mjs', name: 'htm-preact.js' },
  { specifier: 'elkjs/lib/elk-api.js', file: 'elkjs/lib/elk-api.js', name: 'elk-api.js', setsGlobal: 'ELK' },
];

/** Runs in a thread of its own, as it is; loaded when a chart is drawn for the first time. */
export const LAYOUT_WORKER = { file: 'elkjs/lib/elk-worker.min.js', name: 'elk-worker.js' } as const;

export const PACKAGES_DIR = 'packages';
