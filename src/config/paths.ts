import { dirname, join } from 'node:path'
import type { Settings } from './settings.js'

/** Where everything of this machine lives. One place, so that `aim doctor` and the docs can list it. */
export function pathsOf(settings: Pick<Settings, 'home' | 'hfHome' | 'cacheDir'>, env: NodeJS.ProcessEnv = process.env) {
  const hubCache = env['HF_HUB_CACHE'] ?? join(settings.hfHome, 'hub')
  return {
    home: settings.home,
    /** The running stack: addresses, ports, pids. */
    stackFile: join(settings.home, 'up.json'),
    stackLog: join(settings.home, 'logs', 'up.log'),
    temporalDir: join(settings.home, 'temporal'),
    temporalLog: join(settings.home, 'logs', 'temporal.log'),
    database: join(settings.home, 'database'),
    engines: join(settings.home, 'engines'),
    /** Who holds which GPU memory of a virtual node. */
    simulated: join(settings.home, 'simulated'),
    /** Per node id: its lock and the fences that it saw. */
    nodes: join(settings.home, 'nodes'),
    tools: settings.cacheDir,
    /** Standard Hugging Face cache: `models--org--name/{blobs,snapshots,refs}`. */
    hubCache,
    /** Our own part files: beside the hub folder, never in it (the hub's tools warn about what they do not know), on the same file system. */
    partials: join(dirname(hubCache), 'aim', 'partials'),
    /** What was done with the cache: one file a month. */
    cacheLedger: join(dirname(hubCache), 'aim', 'ledger'),
  }
}
export type Paths = ReturnType<typeof pathsOf>
