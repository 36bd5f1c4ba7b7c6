import { readSecret, requireSecret } from '../../config/secrets.js'
import type { Settings } from '../../config/settings.js'
import { SOURCES, type SourceWord } from '../../config/source-rules.js'
import { AimError } from '../../contracts/errors.js'
import type { Hub } from '../../ports/hub.js'
import type { Peer, WeightSource, WholeFileSource } from '../../ports/weight-source.js'
import { createHub } from '../hub/create-hub.js'
import { cdnSource } from './cdn-source.js'
import { hfProgramSource } from './hf-program-source.js'
import { hubSource, mirrorSource } from './hub-source.js'
import { withPatience } from './patience.js'
import { createPeerSources } from './peer-source.js'
import { s3Source } from './s3-source.js'

/** Where the weights of this node come from. */
export type Sources = {
  /** Best first, given the nodes that may hold a file. Never empty. */
  sources: (peers: Peer[]) => WeightSource[]
  /** Tried when every source failed. */
  programs: WholeFileSource[]
}

/**
 * By the order that `AIM_SOURCES` gives; what is not configured is left out. `hub` is the one of the settings. `onWarning` is told once for each node that refuses ours.
 * @throws AimError `InvalidInput` when nothing of it is configured.
 */
export function createSources(settings: Settings, hub: Hub, onWarning?: (text: string) => void): Sources {
  const words = settings.sources.split(',') as SourceWord[]
  const peerSource = createPeerSources({ self: settings.nodeId, token: () => peerToken(settings), onWarning })
  const fixed: { [word in SourceWord]?: WeightSource | undefined } = {
    mirror: mirrorOf(settings),
    s3: s3Of(settings),
    hub: hubSource(hub, `hub ${shown(settings.hubEndpoint)}`),
    cdn: settings.cdn === undefined ? undefined : withPatience(cdnSource(settings.cdn)),
  }
  if (words.every((word) => word !== 'peers' && fixed[word] === undefined)) {
    const wanted = words.map((word) => `AIM_${word.toUpperCase()}`).join(' or ')
    throw new AimError('InvalidInput', { field: 'AIM_SOURCES', rule: `none of ${settings.sources} is configured: set ${wanted}` })
  }
  const isOnly = (word: SourceWord): boolean =>
    SOURCES.every((other) => other === word || !words.includes(other) || fixed[other] === undefined)
  return {
    sources: (peers) =>
      words.flatMap((word) => {
        if (word === 'peers') return peers.length > 0 || isOnly('peers') ? [peerSource(peers)] : []
        return fixed[word] ?? []
      }),
    // It asks the hub, so it is used only where the hub may be asked.
    programs: words.includes('hub') ? [hfProgramSource(programOptions(settings))] : [],
  }
}

const peerToken = async ({ peerToken: reference }: Settings): Promise<string | null> =>
  reference === undefined ? null : requireSecret(reference)

function mirrorOf({ mirror }: Settings): WeightSource | undefined {
  if (mirror === undefined) return undefined
  return withPatience(mirrorSource(createHub({ endpoint: mirror, token: async () => null }), `mirror ${shown(mirror)}`))
}

function s3Of({ s3, s3Endpoint, s3Region, s3PathStyle }: Settings): WeightSource | undefined {
  if (s3 === undefined) return undefined
  const pathStyle = s3PathStyle === undefined ? undefined : s3PathStyle === 'true'
  return withPatience(s3Source({ address: s3, endpoint: s3Endpoint, region: s3Region, pathStyle }))
}

function programOptions({ hfBin, hubEndpoint, hubToken }: Settings) {
  return { program: hfBin, endpoint: hubEndpoint, token: () => readSecret(hubToken) }
}

/** Without the credentials that an address may hold. */
function shown(address: string): string {
  const { origin, pathname } = new URL(address)
  return (origin + pathname).replace(/\/+$/, '')
}
