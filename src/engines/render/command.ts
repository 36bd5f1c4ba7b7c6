import { environmentOf } from './container.js'
import type { RenderInput } from './input.js'
import { byFlag, shellLines } from './shell.js'

/** The command as this machine would run it, to be pasted into a shell. The variables are its own and do not outlive it. */
export function renderCommand(input: RenderInput): string {
  const environment = Object.entries(environmentOf(input)).map(([name, value]) => [`${name}=${value}`])
  const words = byFlag(input.command.argv)
  return shellLines(environment.length === 0 ? words : [['env'], ...environment, ...words])
}
