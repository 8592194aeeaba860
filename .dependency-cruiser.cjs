/**
 * Who may import whom. Dependencies point inwards: machines know nobody, the runtime knows machines, adapters know the
 * contracts they keep, doors know the runtime, and the command line wires everything.
 */

/** What a part of the project may import from the project itself, besides its own files. */
const allowed = [
  { from: 'machines', to: [] },
  { from: 'src/actors', to: ['machines'] },
  { from: 'src/projections', to: ['machines', 'src/actors/contracts'] },
  { from: 'src/gateway', to: ['machines', 'src/actors', 'src/projections'] },
];

const insideProject = '^(machines|src|test|bench|bin)/';

const layers = allowed.map(({ from, to }) => ({
  name: `${from.replaceAll('/', '-')}-imports-only-${to.join('-and-').replaceAll('/', '-') || 'itself'}`,
  severity: 'error',
  from: { path: `^${from}/` },
  to: { path: insideProject, pathNot: `^(${[from, ...to].join('|')})/` },
}));

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...layers,
    {
      name: 'an-adapter-imports-only-the-contracts',
      comment: 'An adapter knows the contract it keeps and nothing of its neighbours or of the runtime.',
      severity: 'error',
      from: { path: '^src/adapters/([^/]+)/' },
      to: { path: insideProject, pathNot: '^(src/actors/contracts|src/adapters/$1)/' },
    },
    {
      name: 'src-imports-no-test-or-bench',
      severity: 'error',
      from: { path: '^src/cli/' },
      to: { path: '^(test|bench)/' },
    },
    {
      name: 'bin-stands-alone',
      comment: 'bin/ runs on an older Node before anything is installed.',
      severity: 'error',
      from: { path: '^bin/' },
      to: { pathNot: '^bin/', dependencyTypesNot: ['core'] },
    },
    {
      name: 'machines-do-no-input-or-output',
      comment: 'The chart is pure. Hashing its own digest is the one thing it takes from Node.',
      severity: 'error',
      from: { path: '^machines/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?crypto$' },
    },
    {
      name: 'no-cycles',
      comment: 'Types may refer to each other across files; what is loaded may not.',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'every-import-is-found',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'what-src-imports-is-a-dependency',
      comment: 'Packages that only tests and tools need are not there in an installation for use.',
      severity: 'error',
      from: { path: '^(machines|src)/' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // Type-only imports count too; this parser keeps them, and needs no TypeScript older than the project's own.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^bench/peers/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.cjs', '.mjs', '.json'],
    },
  },
};
