import { access, constants } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { bytes } from '../output/units.js'
import { fail, ok, skipped, warn, type Check } from './check.js'

const OLDEST_NODE = [20, 20] as const
/** Less than this free: even a small model does not fit, or nothing but a small one. */
const DISK_FAIL_BYTES = 2e9
const DISK_WARN_BYTES = 20e9

export const platformChecks: Check[] = [
  {
    code: 'platform.node',
    async run() {
      const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
      const enough = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
      return enough
        ? ok(`Node ${process.versions.node}`)
        : fail(`Node ${process.versions.node}`, `install Node ${OLDEST_NODE.join('.')} or newer`)
    },
  },
  {
    code: 'platform.home',
    async run({ configuration: { paths } }) {
      const existing = nearestExisting(paths.home)
      const writable = await access(existing, constants.W_OK | constants.X_OK).then(
        () => true,
        () => false,
      )
      if (!writable) return fail(`${existing} is not writable`, 'chown it to yourself, or set AIM_HOME to a folder of your own')
      return ok(existing === paths.home ? paths.home : `${paths.home} (will be created)`)
    },
  },
  {
    code: 'gpu.driver',
    async run({ inspection }) {
      const { gpus, problems } = await inspection()
      const why = problems.map(({ message }) => message).join('; ')
      if (gpus.length > 0) {
        const names = gpus.map(({ index, arch, model, vramTotalBytes }) => `${index}: ${model ?? arch} ${bytes(vramTotalBytes)}`).join(', ')
        return why === '' ? ok(names) : warn(`${names}; ${why}`, 'see https://rocm.docs.amd.com for the driver')
      }
      if (!existsSync('/dev/kfd')) return skipped(why === '' ? 'no AMD GPU driver here (/dev/kfd): engines run on the CPU' : why)
      return fail(
        why === '' ? '/dev/kfd is there, and no GPU is seen' : why,
        'add the user to the groups render and video, and log in again',
      )
    },
  },
  {
    code: 'disk.cache',
    async run({ inspection }) {
      const { path, freeBytes, totalBytes } = (await inspection()).cacheDisk
      const evidence = `${path}: ${bytes(freeBytes)} free of ${bytes(totalBytes)}`
      const fix = 'free space there, or set HF_HOME to a larger volume'
      if (freeBytes < DISK_FAIL_BYTES) return fail(evidence, fix)
      return freeBytes < DISK_WARN_BYTES ? warn(evidence, fix) : ok(evidence)
    },
  },
]

export const engineChecks: Check[] = (['llamacpp', 'vllm'] as const).map((backend) => ({
  code: `engine.${backend}`,
  async run({ inspection }) {
    const { backends } = await inspection()
    const readiness = backends.find((each) => each.backend === backend)
    if (readiness === undefined) return skipped('not looked for on this machine')
    if (readiness.ready) return ok(readiness.version)
    const another = backends.some(({ ready }) => ready)
    return another ? warn(readiness.reason, readiness.fix) : fail(readiness.reason, readiness.fix)
  },
}))

function nearestExisting(path: string): string {
  let existing = path
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  return existing
}
