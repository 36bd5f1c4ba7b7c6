import { z } from 'zod'
import { BACKENDS } from '../domain/engine.js'
import { GpuRow } from './gpu-row.js'
import { Bytes, Said, Text } from './inventory-fields.js'
import { NodeId } from './names.js'
import { faultOf } from './node-faults.js'

const BackendRow = z.object({
  backend: z.enum(BACKENDS),
  ready: z.boolean(),
  version: Text.nullish(),
  reason: Said.nullish(),
  fix: Said.nullish(),
})

const MachineFields = {
  node_id: NodeId.nullish(),
  hostname: Text.nullish(),
  cpus: z.number().min(0).max(65_536).nullish(),
  memory_total_bytes: Bytes.nullish(),
  memory_free_bytes: Bytes.nullish(),
  cache_disk: z.object({ path: Text, total_bytes: Bytes, free_bytes: Bytes }).nullish(),
  labels: z.record(Text.max(100), Text).nullish(),
  backends: z.array(BackendRow).nullish(),
  cached_models: z.array(Text).nullish(),
  peer_url: Text.regex(/^https?:\/\/[^\s@]+$/, 'must be an http or https URL without credentials').nullish(),
}

/** `machine.json` of a capture: what is known of the machine beside its GPUs. `kfd`: whether its compute driver could be opened. */
export const MachineFile = z.object({ ...MachineFields, kfd: z.enum(['absent', 'denied', 'usable']).nullish() })
export type MachineFile = z.infer<typeof MachineFile>

/** One node as `aim node inspect --json` prints it. */
export const InspectedNode = z
  .object({
    ...MachineFields,
    /** The hardware is a captured inventory that a node worker stands for. */
    simulated: z.boolean().optional(),
    rocm: z.object({ driver: Text.nullish(), rocm: Text.nullish() }).nullish(),
    gpus: z.array(GpuRow).max(1024),
    problems: z.array(z.object({ code: Text, message: Said })).optional(),
  })
  .check(({ value, issues }) => {
    // Fields that are wrong by themselves are said alone.
    const fault = issues.length > 0 ? null : faultOf(value)
    if (fault !== null) issues.push({ code: 'custom', input: value, ...fault })
  })
export type InspectedNode = z.infer<typeof InspectedNode>
export type BackendRow = z.infer<typeof BackendRow>

/** The nodes of an inventory file, which all have names of their own. */
export const InspectedNodes = z
  .array(InspectedNode)
  .min(1, 'must name at least one node')
  .check(({ value: nodes, issues }) => {
    if (issues.length > 0) return
    const taken = new Set<string>()
    for (const [place, { node_id: id, hostname }] of nodes.entries()) {
      const name = id ?? hostname
      if (name === null || name === undefined) continue
      const message = `${name} is there twice${id ? '' : ': give each node a node_id'}`
      if (taken.has(name)) issues.push({ code: 'custom', input: nodes, path: [place, id ? 'node_id' : 'hostname'], message })
      taken.add(name)
    }
  })
