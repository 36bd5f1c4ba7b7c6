import { log } from '@temporalio/workflow'
import { WARM_STEPS, WarmRequest, type WarmResult } from '../src/contracts/cache-flows.js'
import { addSources, outsideBytes } from '../src/domain/cache/traffic.js'
import { sizeOf } from '../src/domain/cache/spread.js'
import { parseInput } from './input.js'
import { recorded, type Ending } from './record.js'
import { withUndo } from './saga.js'
import { Steps } from './steps.js'
import { show } from './visibility.js'
import { noneWarmed } from './warm-failure.js'
import { admitWarm, detectHolders, pinFiles, type Site, type Wanted, type Warm } from './warm-site.js'
import { seed, spread, verify } from './warm-steps.js'

/**
 * Brings a model to many nodes, each byte once from outside: every node fetches its share, then all fetch the rest from each other.
 * A node that fails or does not answer stops nobody. It fails when no node has the model afterwards.
 */
export async function warmCache(input: unknown): Promise<WarmResult> {
  const request = parseInput(WarmRequest, input)
  const steps = new Steps(WARM_STEPS)
  show({ AimModel: request.model, AimState: 'warming' })
  const result = await recorded(() => withUndo((undo) => warm({ request, steps, undo })))
  show({ AimState: result.outcome })
  return result
}

async function warm(flow: Warm): Promise<Ending<WarmResult>> {
  await admitWarm(flow)
  const wanted = await pinFiles(flow)
  const site = await detectHolders(flow, wanted)
  await seed(flow, wanted, site)
  await spread(flow, wanted, site)
  await verify(flow, wanted, site)
  if (site.nodes.every(({ error }) => error !== null)) throw noneWarmed(wanted.model.repo, site)
  const result = resultOf(flow, wanted, site)
  const { outcome, repo, commit, bytes, outsideBytes: outside, nodes } = result
  log.info('a model was brought to its nodes', { outcome, repo, commit, bytes, outsideBytes: outside, nodes: nodes.length })
  return { state: outcome, revision: null, result }
}

function resultOf({ steps }: Warm, { model: { repo, ref, commit }, files }: Wanted, { nodes, silent }: Site): WarmResult {
  const warmed = nodes.map(({ nodeId, fetchedBytes, sources, error, isSilent }) => {
    const good = fetchedBytes > 0 ? 'miss' : 'hit'
    return { nodeId, outcome: error === null ? good : isSilent ? 'silent' : 'failed', fetchedBytes, sources, error } as const
  })
  const unheard = silent.map(({ nodeId, why }) => {
    return { nodeId, outcome: 'silent', fetchedBytes: 0, sources: {}, error: { code: 'NoNode', message: why } } as const
  })
  const all = [...warmed, ...unheard].toSorted((a, b) => (a.nodeId < b.nodeId ? -1 : 1))
  return {
    outcome: all.every(({ error }) => error === null) ? 'warmed' : 'partly warmed',
    repo,
    ref,
    commit,
    files: files.length,
    bytes: sizeOf(files),
    outsideBytes: outsideBytes(all.map(({ sources }) => sources).reduce(addSources, {})),
    nodes: all,
    timings: steps.timings(),
  }
}
