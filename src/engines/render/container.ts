import type { ContainerInput, RenderInput } from './input.js'

/** Published for both engines: the driver, and the render nodes of the GPUs. */
const DEVICES = ['/dev/kfd', '/dev/dri']

/**
 * Where engines keep kernels that they compile for minutes on their first start: AITER, Triton, torch through vLLM. They run as root in
 * the published images.
 */
const HOME = '/root'
const COMPILED = { aiter: `${HOME}/.aiter`, triton: `${HOME}/.triton`, vllm: `${HOME}/.cache/vllm` }

/** Shared memory that RCCL and the processes of an engine use, in GiB. Published figures go from 16 to 128: 16 a GPU. */
const SHM_GIB = { perGpu: 16, most: 128 }

/** What a container of an engine needs, whatever runs it. */
export type Needs = {
  /** Empty on the CPU, as are `capabilities` and `groups`. */
  devices: string[]
  groups: (string | number)[]
  /** The processes of one engine open each other's GPU memory. */
  capabilities: string[]
  /** What they call for that is outside of the default filter of system calls. */
  unconfined: boolean
  shmGib: number
  compiled: { name: string; path: string }[]
}

/** What the container of this candidate needs: the published settings, without privilege and without the host's network or IPC. */
export function needsOf({ spec, groups = ['video'] }: ContainerInput): Needs {
  const onGpu = spec.gpus.length > 0
  return {
    devices: onGpu ? DEVICES : [],
    groups: onGpu ? [...groups] : [],
    capabilities: onGpu ? ['SYS_PTRACE'] : [],
    unconfined: onGpu,
    shmGib: Math.min(SHM_GIB.perGpu * Math.max(spec.gpus.length, 1), SHM_GIB.most),
    compiled: onGpu ? Object.entries(COMPILED).map(([name, path]) => ({ name, path })) : [],
  }
}

/** The environment of an engine that sees all GPUs of its node and may use those of its lease. */
export function environmentOf({ spec, command }: RenderInput): Record<string, string> {
  return { ...command.env, ...(spec.gpus.length > 0 && { HIP_VISIBLE_DEVICES: spec.gpus.join(',') }) }
}

/** Says for whom the text was made, and why its port is published as it is. */
export function headline({ name, spec, arch }: ContainerInput): string {
  const gpus =
    spec.gpus.length === 0 ? 'the CPU' : `${spec.gpus.length} GPU${spec.gpus.length > 1 ? 's' : ''}${arch === null ? '' : ` (${arch})`}`
  return `# Endpoint ${name}: ${spec.backend} on ${gpus}.\n`
}

/** One engine over several machines: its ranks reach each other on ports that they choose. */
export function needsHostNetwork({ spec }: ContainerInput): boolean {
  return spec.group !== undefined
}

export const WHY_LOOPBACK = `# Published on 127.0.0.1 only: the engine asks nobody for a key, and the usual --network=host would open it to the whole network.
# Put a gateway in front of it, or change the address on purpose.
`
export const WHY_HOST_NETWORK = `# On the network of the host: the machines of a group reach each other on ports that they choose. Close them to everybody else.
`
