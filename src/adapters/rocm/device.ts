import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Problem } from './sighting.js'

/** Whether the compute driver is there and may be opened. Asked before any tool is run: amd-smi can block where it is missing. */
export type KfdDevice = 'absent' | 'usable' | Problem

/** `root` is `/` but in tests. */
export async function kfdDevice(root: string): Promise<KfdDevice> {
  try {
    await access(join(root, 'dev/kfd'), constants.R_OK | constants.W_OK)
    return 'usable'
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return 'absent'
    const message = `/dev/kfd may not be opened (${code}): give the user the groups \`video\` and \`render\`, and a container the device`
    return { code: 'kfd_permission', message }
  }
}
