import { createServer } from 'node:net'
import type { Settings } from '../../config/settings.js'
import { readStackFile } from '../../config/stack-file.js'
import { fail, ok, skipped, type Check } from './check.js'

const PORTS: [code: string, setting: 'temporalPort' | 'uiPort' | 'apiPort', variable: string][] = [
  ['ports.temporal', 'temporalPort', 'AIM_TEMPORAL_PORT'],
  ['ports.ui', 'uiPort', 'AIM_UI_PORT'],
  ['ports.api', 'apiPort', 'AIM_API_PORT'],
]

export const portChecks: Check[] = [
  ...PORTS.map(([code, setting, variable]): Check => ({
    code,
    async run({ configuration: { settings, paths } }) {
      if (settings.temporalAddress !== undefined && setting !== 'apiPort') return skipped('TEMPORAL_ADDRESS is set')
      if (readStackFile(paths.stackFile) !== null) return skipped('the running stack holds its ports')
      const port = settings[setting]
      return (await isFree(port))
        ? ok(`${port} is free`)
        : fail(`${port} is taken`, `end what holds it (ss -ltnp 'sport = :${port}'), or set ${variable}`)
    },
  })),
  {
    code: 'ports.engines',
    async run({ configuration: { settings } }) {
      const free = await firstFree(settings)
      const range = settings.enginePorts
      return free === null
        ? fail(`no port of ${range} is free`, 'stop an endpoint, or set AIM_ENGINE_PORTS')
        : ok(`${free} is the first free one of ${range}`)
    },
  },
]

async function firstFree({ enginePorts }: Pick<Settings, 'enginePorts'>): Promise<number | null> {
  const [first = 0, last = 0] = enginePorts.split('-').map(Number)
  for (let port = first; port <= last; port++) if (await isFree(port)) return port
  return null
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
