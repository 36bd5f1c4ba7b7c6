import { InvalidArgumentError } from 'commander'
import type { CommandSpec } from '../cli.js'
import { CACHE_COMMANDS } from './cache-commands.js'
import { CACHE_FLOW_COMMANDS } from './cache-flow-commands.js'
import { DETACH, REASON, TIMEOUT, YES } from './common-options.js'
import { FALLBACK_OPTIONS } from './fallback-options.js'
import { HEALTH_COMMANDS } from './health-commands.js'
import { NODE_COMMANDS } from './node-commands.js'
import { PLAN_COMMANDS } from './plan-commands.js'
import { RECIPE_COMMANDS } from './recipe-commands.js'
import { REQUIREMENT_OPTIONS, asInteger } from './requirement-options.js'

const ENDPOINT = { about: 'name of the endpoint', complete: 'endpoint' } as const

/** Every verb, in the order of `aim --help`. */
export const COMMANDS: CommandSpec[] = [
  {
    name: 'up',
    about: 'start everything on this machine: Temporal, the workers and the API',
    more: 'Runs until Ctrl-C, which leaves the engines alone. State is kept in AIM_HOME and found again by the next `aim up`.',
    options: [
      { flags: '-d, --detach', about: 'run in the background; returns when it is ready' },
      { flags: '--temporal-port <port>', about: 'port of Temporal (default 7233)', parse: asInteger },
      { flags: '--ui-port <port>', about: 'port of the Temporal web page (default 8233)', parse: asInteger },
      { flags: '--api-port <port>', about: 'port of our API (default 8700)', parse: asInteger },
    ],
    examples: [
      ['aim up', 'in this terminal'],
      ['aim up -d', 'in the background; `aim down` ends it'],
    ],
    load: async () => (await import('./up.js')).up,
  },
  {
    name: 'down',
    about: 'stop what `aim up` started; engines go on unless --engines',
    options: [
      { flags: '--engines', about: 'first undeploy every endpoint' },
      { flags: '--dry-run', about: 'say what would be stopped, and stop nothing' },
      YES,
    ],
    examples: [
      ['aim down', 'engines keep serving'],
      ['aim down --engines', 'stop the endpoints too'],
    ],
    load: async () => (await import('./down.js')).down,
  },
  {
    name: 'deploy',
    about: 'put a model into service',
    more:
      'Pins the model, plans, fetches what is missing, starts the engine and proves that it answers.\n' +
      'Ctrl-C leaves it running: the same command joins it again, `aim stop NAME` cancels it.',
    arguments: [{ name: '<model>', about: 'repository on the hub: org/name' }],
    options: [
      { flags: '--name <endpoint>', about: 'name to serve under (default: from the model)', complete: 'endpoint' },
      ...REQUIREMENT_OPTIONS,
      { flags: '--port <port>', about: 'port of the endpoint (default: a free one)', parse: asInteger },
      ...FALLBACK_OPTIONS,
      REASON,
      { flags: '--wait', about: 'wait until it serves (the default)', conflicts: ['detach'] },
      DETACH,
      TIMEOUT,
      { flags: '--dry-run', about: 'show the plan and change nothing', conflicts: ['detach'] },
      { ...YES, about: 'replace what the endpoint serves now without asking' },
    ],
    examples: [
      ['aim deploy Qwen/Qwen2.5-0.5B-Instruct', 'serve it as qwen2-5-0-5b-instruct'],
      ['aim deploy Qwen/Qwen2.5-0.5B-Instruct --name chat --context 8192', 'under a name of your own'],
      ['aim deploy Qwen/Qwen2.5-0.5B-Instruct --fallback any --ask', 'another precision or card only with your yes'],
      ['aim deploy Qwen/Qwen2.5-0.5B-Instruct --dry-run', 'what would run, and why nothing else'],
    ],
    load: async () => (await import('./deploy.js')).deploy,
  },
  {
    name: 'approve',
    about: 'say yes to what a deploy asks (aim deploy --ask)',
    arguments: [{ name: '<name>', ...ENDPOINT }],
    options: [REASON],
    examples: [['aim approve chat', 'go on with the lower precision, or the other hardware']],
    load: async () => (await import('./answer.js')).approve,
  },
  {
    name: 'reject',
    about: 'say no to it: what else is left is tried, or the deploy ends',
    arguments: [{ name: '<name>', ...ENDPOINT }],
    options: [REASON],
    examples: [['aim reject chat --reason "not below bf16"', 'kept in the history']],
    load: async () => (await import('./answer.js')).reject,
  },
  ...PLAN_COMMANDS,
  {
    name: 'status',
    about: 'show the endpoints, or one of them',
    more: 'Exit code 0: serving. 8: on its way. 1: not well. 5: there is no such endpoint.',
    arguments: [{ name: '[name]', ...ENDPOINT }],
    options: [{ flags: '-w, --watch', about: 'go on until Ctrl-C, showing every change' }],
    examples: [
      ['aim status', 'all endpoints'],
      ['aim status chat -w', 'one endpoint, with the steps of what runs on it'],
    ],
    load: async () => (await import('./status.js')).status,
  },
  ...HEALTH_COMMANDS,
  {
    name: 'ps',
    about: 'show what runs now: engines and operations',
    examples: [['aim ps', 'every engine with its node and process, every deploy and undeploy']],
    load: async () => (await import('./ps.js')).ps,
  },
  {
    name: 'logs',
    about: "print an engine's log",
    more: 'Works on the node that runs the engine. The end of the log is kept when the engine has gone.',
    arguments: [{ name: '<name>', ...ENDPOINT }],
    options: [
      { flags: '-f, --follow', about: 'go on as the log grows, until the engine ends or Ctrl-C' },
      { flags: '--no-follow', about: 'print and return (the default)' },
      { flags: '--tail <lines>', about: 'lines from the end, or `all`', default: 200, parse: asLines },
      { flags: '--previous', about: 'the engine before the present one' },
    ],
    examples: [
      ['aim logs chat -f', 'follow'],
      ['aim logs chat --previous --tail all', 'why the last engine ended'],
    ],
    load: async () => (await import('./logs.js')).logs,
  },
  {
    name: 'chat',
    about: 'ask an endpoint',
    arguments: [
      { name: '<name>', ...ENDPOINT },
      { name: '[prompt]', about: 'the question; read from stdin when it is piped' },
    ],
    options: [
      { flags: '--system <text>', about: 'instruction that comes first' },
      { flags: '--max-tokens <n>', about: 'longest answer, in tokens', default: 1024, parse: asInteger },
      { flags: '--temperature <t>', about: "from 0 (the likeliest words) to 2; default: the engine's", parse: asTemperature },
      { flags: '--no-stream', about: 'print the answer when it is whole' },
    ],
    examples: [
      ['aim chat chat "Why is the sky blue?"', 'the answer as it comes'],
      ['aim chat chat --system "Summarise." < notes.txt', 'the prompt from a file'],
    ],
    load: async () => (await import('./chat.js')).chat,
  },
  {
    name: 'stop',
    about: 'take an endpoint out of service; also cancels a deploy of it',
    more: 'The name is the confirmation. Weights stay in the cache.',
    arguments: [{ name: '<name>', ...ENDPOINT }],
    options: [
      { flags: '--grace <seconds>', about: 'time to finish running requests before it is killed', parse: asInteger },
      REASON,
      DETACH,
      TIMEOUT,
      { flags: '--dry-run', about: 'say what would be stopped, and stop nothing', conflicts: ['detach'] },
      { flags: '--force', about: 'go on when its node does not answer' },
      { ...YES, about: 'accepted for scripts; nothing is asked' },
    ],
    examples: [
      ['aim stop chat', 'stop it, and wait until its memory is free'],
      ['aim stop chat --force', 'its node is gone for good'],
    ],
    load: async () => (await import('./stop.js')).stop,
  },
  {
    name: 'history',
    about: 'show what was deployed when, by whom, and what changed',
    arguments: [{ name: '<name>', ...ENDPOINT }],
    options: [{ flags: '-n, --limit <n>', about: 'newest entries to show', default: 20, parse: asInteger }],
    examples: [['aim history chat', 'newest first']],
    load: async () => (await import('./history.js')).history,
  },
  {
    name: 'doctor',
    about: 'check this machine and say what to do',
    more: 'Sections: platform, temporal, gpu, disk, hub, engine, database, ports. Exit code 1 when a check fails.',
    options: [
      {
        flags: '--only <section>',
        about: 'one section, or one check by its code',
        complete: ['platform', 'temporal', 'gpu', 'disk', 'hub', 'engine', 'database', 'ports'],
      },
    ],
    examples: [
      ['aim doctor', 'everything'],
      ['aim doctor --only hub', 'one section'],
    ],
    load: async () => (await import('./doctor.js')).doctor,
  },
  {
    name: 'config view',
    about: 'show the settings in force',
    more: 'Order: default < environment < profile (AIM_HOME/config.yaml) < flag. Secrets are never shown.',
    options: [{ flags: '--origin', about: 'also where each value comes from' }],
    examples: [['aim config view --origin', 'which of them is set where']],
    load: async () => (await import('./config-view.js')).configView,
  },
  ...RECIPE_COMMANDS,
  ...CACHE_COMMANDS,
  ...CACHE_FLOW_COMMANDS,
  {
    name: 'hub serve',
    about: 'serve a folder of models in the protocol of the Hugging Face hub',
    more: 'For air-gapped sites: fill DIR with org/name/ folders, then point HF_ENDPOINT at the address it prints.',
    arguments: [{ name: '<dir>', about: 'folder that holds org/name/ folders', complete: 'directory' }],
    options: [
      { flags: '--host <address>', about: 'address to listen on', default: '127.0.0.1' },
      { flags: '--port <port>', about: 'port to listen on; 0 takes a free one', default: 8900, parse: asInteger },
    ],
    examples: [['aim hub serve /srv/models', 'HF_ENDPOINT=http://127.0.0.1:8900 then uses it']],
    load: async () => (await import('./hub-serve.js')).hubServe,
  },
  {
    name: 'quickstart',
    about: 'deploy a small model, ask it one question, show what to try next',
    options: [{ flags: '--once', about: 'stop everything afterwards' }],
    examples: [['aim quickstart', 'from nothing to an answer, on any machine']],
    load: async () => (await import('./quickstart.js')).quickstart,
  },
  {
    name: 'worker',
    about: 'run a control worker alone (needs DATABASE_URL)',
    examples: [['TEMPORAL_ADDRESS=temporal:7233 aim worker', 'beside a cluster of your own']],
    load: async () => (await import('./worker.js')).worker,
  },
  {
    name: 'node',
    about: 'run a node worker alone: one for each GPU machine',
    options: [
      { flags: '--simulate <dir>', about: 'stand for the machine of a folder that `aim node capture` wrote', complete: 'directory' },
      { flags: '--id <name>', about: 'name of the node' },
    ],
    examples: [
      ['TEMPORAL_ADDRESS=temporal:7233 aim node', 'offer this machine to the cluster'],
      ['aim node --simulate captures --id virtual-1', 'a machine that is not here; everything says `simulated`'],
    ],
    load: async () => (await import('./worker.js')).node,
  },
  ...NODE_COMMANDS,
  {
    name: 'node inspect',
    about: 'show the GPUs of this machine, or of a folder of captures',
    more:
      'Sources: KFD, amd-smi, rocm-smi, rocminfo. What they dispute or leave out is listed as a problem; a GPU is never guessed.\n' +
      'Exit code 1: no source tells whether there are GPUs. A machine without any, and problems beside what is known, are 0.',
    options: [{ flags: '--from <dir>', about: 'folder that `aim node capture` wrote', complete: 'directory' }],
    examples: [
      ['aim node inspect', 'model, memory, partition and health of each GPU'],
      ['aim node inspect --json > node.json', 'for `aim plan --inventory`'],
      ['aim node inspect --from captures', 'a machine that is not here'],
    ],
    load: async () => (await import('./node-inspect.js')).nodeInspect,
  },
  {
    name: 'node capture',
    about: 'write what the GPU tools and KFD say into a folder, to send with a bug',
    more: 'Serial numbers of the cards are part of what the tools print.',
    arguments: [{ name: '<dir>', about: 'folder to write; empty, or not there yet', complete: 'directory' }],
    examples: [['aim node capture captures', '`aim node inspect --from captures` reads it anywhere']],
    load: async () => (await import('./node-capture.js')).nodeCapture,
  },
  {
    name: 'completion',
    about: 'print the script that makes Tab complete verbs, flags and names',
    arguments: [{ name: '<shell>', about: 'your shell', choices: ['bash', 'zsh', 'fish'] }],
    examples: [
      ['source <(aim completion bash)', 'in ~/.bashrc; zsh likewise'],
      ['aim completion fish | source', 'in config.fish'],
    ],
    load: async () => (await import('./completion.js')).completion,
  },
  {
    name: 'help',
    about: 'help on a command, or on a topic',
    more: 'Topics: exit-codes, output, environment.',
    arguments: [{ name: '[words...]', about: 'command or topic' }],
    examples: [['aim help exit-codes', 'what each exit code says']],
    load: async () => (await import('./help.js')).help,
  },
  {
    name: '__complete',
    about: 'candidates for Tab',
    arguments: [{ name: '[words...]', about: 'the words after aim, the last one unfinished' }],
    examples: [['aim __complete -- chat ""', 'names of the endpoints']],
    hidden: true,
    load: async () => (await import('./complete.js')).complete,
  },
]

function asLines(text: string): number {
  return text === 'all' ? Number.POSITIVE_INFINITY : asInteger(text)
}

function asTemperature(text: string): number {
  if (!/^\d(\.\d+)?$/.test(text) || Number(text) > 2) throw new InvalidArgumentError('It must be a number from 0 to 2.')
  return Number(text)
}
