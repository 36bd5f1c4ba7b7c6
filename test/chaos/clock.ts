import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ChaosCluster } from './cluster.js'
import type { NodeName } from './schedule.js'

const FILE = 'clock'

/** libfaketime, where Debian puts it; null where it is not installed and cannot be. */
export function findFakeTime(): string | null {
  const find = (): string | undefined =>
    ['/usr/lib', ...(existsSync('/usr/lib') ? readdirSync('/usr/lib').map((name) => join('/usr/lib', name)) : [])]
      .map((folder) => join(folder, 'faketime', 'libfaketimeMT.so.1'))
      .find(existsSync)
  return find() ?? (install() ? (find() ?? null) : null)
}

function install(): boolean {
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return false
  try {
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    execFileSync('apt-get', ['update', '-qq'], { stdio: 'ignore' })
    execFileSync('apt-get', ['install', '-qq', '--no-install-recommends', 'faketime'], { stdio: 'ignore' })
    return true
  } catch {
    return false // no such package source: the run says that it did not step a clock
  }
}

/** Starts a program of ours again with a clock that can be stepped, or with the machine's. The monotonic clock is never touched, as on a real machine. */
export async function withFakeTime(
  { root, control, nodes }: ChaosCluster,
  who: NodeName | 'control',
  when: 'begin' | 'end',
): Promise<void> {
  const library = findFakeTime()
  const program = who === 'control' ? control : nodes[who].program
  if (library === null) throw new Error('libfaketime is missing (Debian: apt-get install faketime)')
  stepClock(root, 0)
  const { pid } = program
  await program.end('SIGTERM')
  if (when === 'end') return removeShared(pid, () => program.start())
  await program.start({
    LD_PRELOAD: library,
    FAKETIME_TIMESTAMP_FILE: join(root, FILE),
    FAKETIME_CACHE_DURATION: '1',
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  })
}

/** Seconds that the clock is off from now on. */
export function stepClock(root: string, seconds: number): void {
  const file = join(root, FILE)
  writeFileSync(`${file}.tmp`, `${seconds < 0 ? '' : '+'}${seconds}s\n`)
  renameSync(`${file}.tmp`, file)
}

/** The library leaves its shared memory behind when its process is killed. */
async function removeShared(pid: number, then: () => Promise<void>): Promise<void> {
  for (const name of existsSync('/dev/shm') ? readdirSync('/dev/shm') : []) {
    if (name.includes('faketime') && name.endsWith(`_${pid}`)) rmSync(join('/dev/shm', name), { force: true })
  }
  await then()
}
