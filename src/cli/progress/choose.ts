import type { Cli } from '../cli.js'
import { paintFor } from '../output/style.js'
import type { ProgressRenderer } from './frame.js'
import { jsonProgress } from './json.js'
import type { ProgressMode } from './modes.js'
import { plainProgress } from './plain.js'
import { ttyProgress } from './tty.js'

/** What `auto` means here. CI counts as plain even on a pseudo-terminal: those have no width and keep every redraw. */
export function progressMode({ flags, terminal }: Pick<Cli, 'flags' | 'terminal'>): Exclude<ProgressMode, 'auto'> {
  if (flags.progress !== 'auto') return flags.progress
  if (flags.quiet) return 'none'
  const ci = terminal.env['CI']
  return terminal.stderr.isTTY && terminal.env['TERM'] !== 'dumb' && (ci === undefined || ci === '' || ci === 'false') ? 'tty' : 'plain'
}

export function chooseProgress(cli: Pick<Cli, 'flags' | 'terminal'>): ProgressRenderer {
  const { stderr, env } = cli.terminal
  switch (progressMode(cli)) {
    case 'tty':
      return ttyProgress(stderr, paintFor(stderr, env, cli.flags.color))
    case 'plain':
      return plainProgress(stderr)
    case 'json':
      return jsonProgress(stderr)
    case 'none':
      return { update() {}, end() {} }
  }
}
