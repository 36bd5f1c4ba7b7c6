import type { EngineSpec } from '../domain/engine.js'
import { gpusOf } from '../domain/parallelism.js'
import { invalid } from './flags.js'

/**
 * That the GPUs of the spec are those that its parallelism needs, on each machine of its group. A processor counts as one GPU.
 * @throws AimError `InvalidInput`
 */
export function checkSpread({ gpus, parallel, group }: Pick<EngineSpec, 'gpus' | 'parallel' | 'group'>): void {
  const here = Math.max(1, gpus.length)
  const machines = group?.nodes ?? 1
  const needed = gpusOf(parallel)
  if (needed === here * machines) return
  const { tensor, pipeline, data } = parallel
  const has = machines === 1 ? `${here}` : `${machines} machines with ${here} each`
  throw invalid('parallel', `tensor ${tensor} x pipeline ${pipeline} x data ${data} is ${needed} GPUs, and there are ${has}`)
}

/** Host and port of rank 0; the host may be an IPv6 address in brackets. @throws AimError `InvalidInput` */
export function leaderOf({ leader }: NonNullable<EngineSpec['group']>): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-fA-F:.]+\]|[^:[\]]+):(\d{1,5})$/.exec(leader) ?? []
  if (host === undefined || port === undefined) throw invalid('group.leader', 'must be host:port')
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) }
}
