/**
 * The import rule: who may import whom. One row a room; `npm run check` enforces it, test/project/import-rule.test.ts proves that it bites.
 *
 * `rooms`: rooms whose values and types it may import, besides itself. `types`: rooms or packages of which it may import types only.
 * `lazy`: rooms that it may load with `import()` only, so that a command that does not need them does not pay for them.
 * `npm`: packages it may import (`true`: any). `node`: Node modules it may import (`true`: any).
 */
const ROOMS = [
  { path: 'src/domain' },
  { path: 'src/contracts', rooms: ['src/domain'], npm: ['zod'] },
  { path: 'src/engines', rooms: ['src/domain', 'src/contracts'] },
  { path: 'src/ports', rooms: ['src/domain', 'src/contracts'], types: ['node:stream'] },
  {
    path: 'workflows',
    rooms: ['src/domain', 'src/contracts', 'src/engines'],
    types: ['activities', 'npm:zod'],
    npm: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    path: 'activities',
    rooms: ['src/domain', 'src/contracts', 'src/engines', 'src/ports'],
    npm: ['@temporalio/activity', '@temporalio/common'],
    node: ['timers/promises'], // waiting is no I/O; everything else comes through a port
  },
  { path: 'src/config', rooms: ['src/domain', 'src/contracts'], npm: true, node: true },
  { path: 'src/adapters', rooms: ['src/domain', 'src/contracts', 'src/engines', 'src/ports', 'src/config'], npm: true, node: true },
  { path: 'src/embedded', rooms: ['src/domain', 'src/contracts', 'src/config'], npm: true, node: true },
  {
    path: 'src/client',
    rooms: ['src/domain', 'src/contracts'],
    types: ['src/config', 'workflows'],
    npm: ['@temporalio/client', '@temporalio/common'],
    node: true,
  },
  {
    path: 'src/cli',
    rooms: ['src/domain', 'src/contracts', 'src/config', 'src/client'],
    types: ['src/ports'],
    lazy: ['src/worker', 'src/hub-server', 'src/quickstart'],
    npm: true,
    node: true,
  },
  {
    path: 'src/api',
    rooms: ['src/domain', 'src/contracts', 'src/config', 'src/client'],
    types: ['src/ports'],
    npm: true,
    node: true,
  },
  { path: 'src/telemetry', rooms: ['src/domain', 'src/contracts'], npm: ['prom-client'] },
  { path: 'src/llamacpp-server', rooms: ['src/domain', 'src/contracts'], npm: true, node: true },
  { path: 'src/hub-server', rooms: ['src/domain', 'src/contracts'], npm: true, node: true },
  { path: 'src/peer-server', rooms: ['src/domain', 'src/contracts'], node: true },
  {
    path: 'src/quickstart',
    rooms: ['src/domain', 'src/contracts', 'src/config', 'src/client', 'src/adapters', 'src/worker', 'src/hub-server', 'src/cli'],
    npm: true,
    node: true,
  },
  // The composition root: everything that is not an interface for people.
  {
    path: 'src/worker',
    rooms: [
      'src/domain',
      'src/contracts',
      'src/engines',
      'src/ports',
      'src/config',
      'src/adapters',
      'src/embedded',
      'src/client',
      'src/api',
      'src/telemetry',
      'src/hub-server',
      'src/peer-server',
      'workflows',
      'activities',
    ],
    npm: true,
    node: true,
  },
]

const name = (path) => path.replace('src/', '')
const inside = (path) => `^${path}/`
const npmPackage = (id) => `(^|/)node_modules/${id}/`
const nodeModule = (id) => `^(node:)?${id.replace('node:', '')}$`
const target = (id) => (id.startsWith('node:') ? nodeModule(id) : id.startsWith('npm:') ? npmPackage(id.slice(4)) : inside(id))
const list = (value) => (Array.isArray(value) ? value : [])

function rulesOf({ path, rooms = [], types = [], lazy = [], npm = [], node = [] }) {
  const packages = npm === true ? ['(^|/)node_modules/'] : npm.map(npmPackage)
  const reachable = [path, ...rooms, ...types, ...lazy].map(target).concat(packages, list(node).map(nodeModule))
  const may =
    [...rooms, ...list(npm), ...types.map((id) => `types of ${id}`), ...lazy.map((id) => `import('${id}')`)].join(', ') || 'nothing'
  const rules = [
    {
      name: `${name(path)}-imports`,
      comment: `${path} may import: ${may}. See docs/architecture.md.`,
      from: { path: inside(path) },
      to: { pathNot: reachable, couldNotResolve: false, ...(node === true && { dependencyTypesNot: ['core'] }) },
    },
  ]
  if (types.length > 0) {
    rules.push({
      name: `${name(path)}-types-only`,
      comment: `${path} may import only types of ${types.join(', ')}: write \`import type\`.`,
      from: { path: inside(path) },
      to: { path: types.map(target), dependencyTypesNot: ['type-only'] },
    })
  }
  if (lazy.length > 0) {
    rules.push({
      name: `${name(path)}-lazily`,
      comment: `${path} may load ${lazy.join(', ')} only where it needs them: write \`await import()\`.`,
      from: { path: inside(path) },
      to: { path: lazy.map(target), dynamic: false, dependencyTypesNot: ['type-only'] },
    })
  }
  return rules.map((rule) => ({ ...rule, severity: 'error' }))
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    ...ROOMS.flatMap(rulesOf),
    {
      name: 'known-room',
      severity: 'error',
      comment: 'A new room needs a row in .dependency-cruiser.cjs and a place in docs/architecture.md.',
      from: { path: '^(src|workflows|activities)/', pathNot: ROOMS.map(({ path }) => inside(path)) },
      to: {},
    },
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Move what both need into a file of its own.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'Nothing imports this file and it imports nothing: remove it.',
      from: { orphan: true, path: '^(src|workflows|activities|bench)/', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    {
      name: 'no-unresolvable',
      severity: 'error',
      comment: 'The imported file or package does not exist.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependency',
      severity: 'error',
      comment: 'What ships may only use production dependencies.',
      from: { path: '^(src|workflows|activities)/' },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-unlisted-dependency',
      severity: 'error',
      comment: 'Add the package to package.json, and the reason to docs/decisions/0003-dependencies.md.',
      from: { path: '^(src|workflows|activities|bench)/' },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules'] },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
