import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Tmpfs = { path: string; remount(options: string): void; unmount(): void }

/** A file system of its own of so many MiB, below `folder`; null where mounting is not permitted. */
export function mountTmpfs(mebibytes: number, folder = tmpdir()): Tmpfs | null {
  const path = mkdtempSync(join(folder, 'aim-tmpfs-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, 'tmpfs', path], { stdio: 'ignore' })
  } catch {
    rmdirSync(path)
    return null // no right to mount, or no such program
  }
  return {
    path,
    remount: (options) => void execFileSync('mount', ['-o', `remount,${options}`, path], { stdio: 'ignore' }),
    unmount() {
      execFileSync('umount', [path], { stdio: 'ignore' })
      rmdirSync(path)
    },
  }
}

/** Whether tests that need a file system of their own can run here. */
export function canMountTmpfs(): boolean {
  const tmpfs = mountTmpfs(1)
  tmpfs?.unmount()
  return tmpfs !== null
}
