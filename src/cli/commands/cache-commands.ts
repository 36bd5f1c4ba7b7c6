import { InvalidArgumentError } from 'commander'
import { parseFree } from '../../domain/cache/policy.js'
import type { ArgumentSpec, CommandSpec, OptionSpec } from '../cli.js'
import { parseDuration } from '../output/units.js'
import { asBytes } from './common-options.js'
import { asInteger } from './requirement-options.js'

const TARGET: ArgumentSpec = { name: '<model>', about: 'repository, or REPOSITORY@REVISION: a commit, its beginning, or a branch' }
const REASON: OptionSpec = { flags: '--reason <text>', about: 'why; kept in the ledger' }

/** `aim cache ...` on this machine, in the order of the help. */
export const CACHE_COMMANDS: CommandSpec[] = [
  {
    name: 'cache ls',
    about: 'show the models in the cache of this machine, whoever put them there',
    examples: [['aim cache ls', 'revisions with size, last use, users and pins']],
    load: async () => (await import('./cache-ls.js')).cacheLs,
  },
  {
    name: 'cache show',
    about: 'show the files of one model: size, when proved, from where',
    arguments: [TARGET],
    examples: [
      ['aim cache show Qwen/Qwen3-8B', 'all its revisions here'],
      ['aim cache show Qwen/Qwen3-8B@main', 'the one that main named when it was fetched'],
    ],
    load: async () => (await import('./cache-show.js')).cacheShow,
  },
  {
    name: 'cache du',
    about: 'show where the space goes: by model, kind of file, and what is left',
    examples: [['aim cache du', 'each file counted once, however many links lead to it']],
    load: async () => (await import('./cache-du.js')).cacheDu,
  },
  {
    name: 'cache stats',
    about: 'show what the cache was good for: hits, bytes and time saved, who is asked for when',
    examples: [['aim cache stats', 'since its ledger began']],
    load: async () => (await import('./cache-stats.js')).cacheStats,
  },
  {
    name: 'cache report',
    about: 'show waste: what came twice, what lies unused, what evictions did and would cost',
    options: [{ flags: '--idle <days>', about: 'unused means: not used for so many days', default: 30, parse: asInteger }],
    examples: [['aim cache report --json', 'for a dashboard']],
    load: async () => (await import('./cache-report.js')).cacheReport,
  },
  {
    name: 'cache prune',
    about: 'free space: leftovers, and what the limits ask for',
    more:
      'Dead downloads and blobs that nothing links to always go. Revisions go only by a limit: a flag here, AIM_CACHE_MAX, AIM_CACHE_FREE.\n' +
      'What an engine or a rollback needs, pins, running downloads and what nobody understands stay.',
    options: [
      { flags: '--max-size <size>', about: 'most bytes in the cache: 500GB', parse: asBytes },
      { flags: '--free <share>', about: 'share of the volume to keep free: 10%, or 10%-20% (below 10%, evict until 20%)', parse: asFree },
      { flags: '--older-than <duration>', about: 'revisions that nobody used for so long: 30d', parse: asDays },
      { flags: '--keep-revisions <n>', about: 'of each model only so many, the newest used', parse: asCount },
      { flags: '--order <order>', about: 'who goes first: least recently or least frequently used', choices: ['lru', 'lfu'] },
      { flags: '--dry-run', about: 'say what would go and why, and change nothing' },
      { flags: '-y, --yes', about: 'do not ask' },
    ],
    examples: [
      ['aim cache prune --dry-run --max-size 500GB', 'what would go, what stays, and why'],
      ['aim cache prune --older-than 30d --keep-revisions 2 -y', 'in a script'],
    ],
    load: async () => (await import('./cache-prune.js')).cachePrune,
  },
  {
    name: 'cache verify',
    about: 're-hash files, and fetch those again that are wrong',
    more: 'Exit code 1 when a file is wrong and was not repaired. Ctrl-C keeps what was proved.',
    arguments: [{ name: '[model]', about: 'only this repository' }],
    options: [
      { flags: '--sample <size>', about: 'only so many bytes, those whose proof is oldest', parse: asBytes },
      { flags: '--repair', about: 'remove wrong files and fetch them again' },
    ],
    examples: [
      ['aim cache verify', 'everything'],
      ['aim cache verify Qwen/Qwen3-8B --repair', 'one model, made right'],
      ['aim cache verify --sample 50GB', 'a part each night: in the end all'],
    ],
    load: async () => (await import('./cache-verify.js')).cacheVerify,
  },
  {
    name: 'cache pin',
    about: 'never evict a model, or one revision of it',
    arguments: [TARGET],
    options: [REASON],
    examples: [['aim cache pin Qwen/Qwen3-8B --reason "weekly batch"', 'all its revisions, also later ones']],
    load: async () => (await import('./cache-pin.js')).cachePin,
  },
  {
    name: 'cache unpin',
    about: 'let a model be evicted again',
    arguments: [TARGET],
    options: [REASON],
    examples: [['aim cache unpin Qwen/Qwen3-8B', 'as it was before the pin']],
    load: async () => (await import('./cache-pin.js')).cacheUnpin,
  },
]

function asFree(text: string): { freeLow: number; freeHigh: number } {
  const free = parseFree(text)
  if (free === null) throw new InvalidArgumentError('It must be a share of the volume: 10%, or 10%-20%.')
  return free
}

function asDays(text: string): number {
  const ms = parseDuration(text)
  // A number alone is seconds elsewhere: here nobody means them.
  if (ms === null || ms === 0 || /^[\d.]+$/.test(text)) throw new InvalidArgumentError('It must be a duration with its unit: 30d, 12h.')
  return ms / 86_400_000
}

function asCount(text: string): number {
  const count = asInteger(text)
  if (count === 0) throw new InvalidArgumentError('It must be 1 or more.')
  return count
}
