import { spawnSync } from 'node:child_process'

/** Kills the process group that a detached child leads, with all its children. Safe to repeat. */
export function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** The command so wrapped that the kernel ends the program when we end, even by SIGKILL; unchanged where util-linux is missing. */
export function endingWithUs(program: string, argv: string[], signal: 'SIGTERM' | 'SIGKILL'): [string, string[]] {
  const wrapper = ['--pdeathsig', signal, '--']
  const works = spawnSync('setpriv', [...wrapper, 'true'], { stdio: 'ignore' }).status === 0
  return works ? ['setpriv', [...wrapper, program, ...argv]] : [program, argv]
}
