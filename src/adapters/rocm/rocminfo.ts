import { addressOfLocation } from './pci.js'
import { archOf, sighting, uniqueIdOf, versionOf, type Problem, type Report, type Sighting } from './sighting.js'
import { deviceIdOf, textOf, wholeOf, type Fields } from './values.js'

/** The last line of a listing that ran to its end. */
const END = /^\*\*\* Done \*\*\*/im
const GLOBAL_POOL = /Segment: +GLOBAL;[^\n]*\n\s*Size: +(\d+)/gi

/** What `rocminfo` prints, noise and all. A listing without its end mark may lack GPUs, so it is not believed. */
export function readRocminfo(text: string): Report {
  const problems: Problem[] = []
  const driver = versionOf(/^ROCk module version (\S+) is loaded/im.exec(text)?.[1] ?? null)
  const report = (sightings: Sighting[] | null): Report => ({ source: 'rocminfo', sightings, rocm: { driver, rocm: null }, problems })
  if (!END.test(text)) {
    const why = /^.*(unable to open|not loaded|failure|Call returned).*$/im.exec(text)?.[0].trim().slice(0, 200)
    problems.push({
      code: why === undefined ? 'rocminfo_cut' : 'rocminfo_failed',
      message: `rocminfo: ${why ?? 'its end mark is missing'}`,
    })
    return report(null)
  }
  const agents = text.split(/^Agent +(?=\d+\s*$)/im).slice(1)
  if (agents.some((agent, place) => Number.parseInt(agent, 10) !== place + 1 || (agent.match(/^ {2}Uuid:/gim)?.length ?? 0) > 1))
    problems.push({ code: 'rocminfo_cut', message: 'rocminfo: agents are missing from its list' })
  const gpus = agents
    .map((agent) => ({ agent, fields: fieldsIn(agent) }))
    .filter(({ fields }, place) => {
      const type = typeOf(fields)
      if (type === null) problems.push({ code: 'rocminfo_agent', message: `rocminfo: agent ${place + 1} does not say whether it is a GPU` })
      return type === 'GPU'
    })
  if (gpus.length === 0) problems.push({ code: 'rocminfo_empty', message: 'rocminfo: it shows no GPU' })
  return report(gpus.length === 0 ? null : gpus.map(({ agent, fields }, number) => sightingOf(number, agent, fields)))
}

/** The device type, or what its name and id show where that line is missing. */
function typeOf(fields: Fields): string | null {
  const told = textOf(fields, 'devicetype')?.toUpperCase()
  if (told === 'GPU' || told === 'CPU' || told === 'DSP') return told
  const uuid = textOf(fields, 'uuid') ?? ''
  if (/^gpu-/i.test(uuid) || archOf(textOf(fields, 'name')) !== null) return 'GPU'
  return /^cpu-/i.test(uuid) ? 'CPU' : null
}

function sightingOf(number: number, agent: string, fields: Fields): Sighting {
  const location = wholeOf(fields, 'bdfid')
  const pools = [...agent.matchAll(GLOBAL_POOL)].map(([, kilobytes]) => Number(kilobytes) * 1024)
  return sighting({
    number,
    hipId: number,
    bdf: location === null ? null : addressOfLocation(location, wholeOf(fields, 'domain')),
    uniqueId: uniqueIdOf(textOf(fields, 'uuid')),
    nodeId: wholeOf(fields, 'node', 'internalnodeid'),
    deviceId: deviceIdOf(fields, 'chipid'),
    names: [textOf(fields, 'marketingname')].filter((name) => name !== null),
    arch: archOf(textOf(fields, 'name')),
    vram: pools.length === 0 ? [] : [{ source: 'rocminfo', bytes: Math.max(...pools) }],
  })
}

/** The agent's own lines, not those of its pools: they are indented by two. The first of a name counts. */
function fieldsIn(agent: string): Fields {
  const fields = new Map<string, unknown>()
  for (const [, key = '', value = ''] of agent.matchAll(/^ {2}(\w[\w .()-]*?):+ *(.*)$/gm)) {
    const plain = key.toLowerCase().replaceAll(/[^a-z]/g, '')
    if (!fields.has(plain)) fields.set(plain, value.trim())
  }
  return fields
}
