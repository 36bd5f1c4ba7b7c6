import { createInterface } from 'node:readline/promises'
import { AimError } from '../contracts/errors.js'
import type { Cli } from './cli.js'
import { Interrupted } from './interrupt.js'

/**
 * Asks once, on stderr. True for yes.
 * Throws ConfirmationNeeded where nobody can be asked: it never hangs and never goes on in silence. Ctrl-C at the question: Interrupted.
 */
export async function confirm(cli: Pick<Cli, 'terminal'>, what: string): Promise<boolean> {
  const { stdin, stderr } = cli.terminal
  if (!stdin.isTTY || !stderr.isTTY) throw new AimError('ConfirmationNeeded', { what })
  const prompt = createInterface({ input: stdin, output: stderr })
  const closed = new Promise<null>((resolve) => prompt.once('close', () => resolve(null)))
  try {
    const answer = await Promise.race([prompt.question(`${what}: go on? [y/N] `), closed])
    if (answer === null) throw new Interrupted(['', 'nothing was changed'])
    return /^y(es)?$/i.test(answer.trim())
  } finally {
    prompt.close()
  }
}
