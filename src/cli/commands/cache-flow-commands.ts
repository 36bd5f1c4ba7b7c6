import type { CommandSpec, OptionSpec } from '../cli.js'
import { DETACH, REASON, TIMEOUT, asBytes, asDuration, asWords } from './common-options.js'
import { asInteger, asLabels } from './requirement-options.js'

const NODE: OptionSpec = {
  flags: '--node <node>',
  about: 'node that is meant; may be repeated (default: all)',
  complete: 'node',
  parse: asWords,
}

/** What a refresh does, for one that starts now and for the schedule. */
const REFRESH_OPTIONS: OptionSpec[] = [
  { flags: '--follow <model>', about: 'branch to look after, org/name or org/name@ref; may be repeated (default: all)', parse: asWords },
  { flags: '--prewarm <model>', about: 'model to bring ahead, org/name or org/name@ref; may be repeated', parse: asWords },
  NODE,
  { flags: '--no-evict', about: 'remove nothing' },
  { flags: '--sample <size>', about: 'how much of each cache is proved again (default 10GB; 0: nothing)', parse: asBytes },
  REASON,
]

/** The verbs about the caches of all nodes, which are flows in Temporal. */
export const CACHE_FLOW_COMMANDS: CommandSpec[] = [
  {
    name: 'cache warm',
    about: 'bring a model to nodes ahead of any deploy',
    more:
      'Each byte comes from outside once: every node fetches its share, then all fetch the rest from each other.\n' +
      'Ctrl-C leaves it running: the same command joins it again. Exit code 1 when a node was not warmed.',
    arguments: [{ name: '<model>', about: 'repository on the hub: org/name' }],
    options: [
      { flags: '--ref <ref>', about: 'branch, tag or commit (default: main)' },
      NODE,
      { flags: '--label <name=value>', about: 'label that the nodes must carry; may be repeated', parse: asLabels },
      { flags: '--file <path>', about: 'weights file, where a repository holds several (GGUF)' },
      { flags: '--format <format>', about: 'format of the weights (default: safetensors, else GGUF)', choices: ['safetensors', 'gguf'] },
      { flags: '--verify', about: 're-hash all of it afterwards, and mend what is wrong' },
      REASON,
      DETACH,
      TIMEOUT,
    ],
    examples: [
      ['aim cache warm Qwen/Qwen3-32B', 'on every node that answers'],
      ['aim cache warm Qwen/Qwen3-32B --label zone=a -d', 'on some, in the background; `aim cache flows` shows it'],
    ],
    load: async () => (await import('./cache-warm.js')).cacheWarm,
  },
  {
    name: 'cache refresh',
    about: 'look after the caches once: new commits of followed branches, eviction, a sample proof',
    more: 'Follows every branch that a cache names. Each node evicts by its own settings. Exit code 1 when something did not work.',
    options: [...REFRESH_OPTIONS, DETACH, TIMEOUT],
    examples: [
      ['aim cache refresh', 'what the schedule does, now'],
      ['aim cache refresh --prewarm org/next --no-evict', 'before a rollout'],
    ],
    load: async () => (await import('./cache-refresh.js')).cacheRefresh,
  },
  {
    name: 'cache schedule',
    about: 'show, set or end the schedule of `aim cache refresh`',
    more: 'Kept in Temporal as aim-cache-refresh: it can be paused and started there too. What it did: `aim cache flows`.',
    options: [
      { flags: '--every <duration>', about: 'how often: 6h, 1d', parse: asDuration, conflicts: ['cron'] },
      { flags: '--cron <expression>', about: "when, in UTC: '0 3 * * *'" },
      { flags: '--off', about: 'end it', conflicts: ['every', 'cron'] },
      ...REFRESH_OPTIONS,
    ],
    examples: [
      ['aim cache schedule --every 6h', 'put it in force, or change it'],
      ['aim cache schedule', 'whether there is one, what it does, when it is due'],
    ],
    load: async () => (await import('./cache-schedule.js')).cacheSchedule,
  },
  {
    name: 'cache flows',
    about: 'show the warm-ups and refreshes that run or ran',
    options: [{ flags: '-n, --limit <n>', about: 'newest entries to show', default: 20, parse: asInteger }],
    examples: [['aim cache flows', 'newest first, with the step of those that run']],
    load: async () => (await import('./cache-flows.js')).cacheFlows,
  },
]
