import { SEARCH_ATTRIBUTES } from '../contracts/search-attributes.js'
import { DATABASE_NAME } from './server-record.js'

export type ServerPlace = { host: string; port: number; uiPort: number; namespace: string }

/**
 * The queue readers of a server with its one shard poll at most 20 times a second by default, so every dispatch waits about 50 ms:
 * ten empty activities in a row took 1,098 ms, and 327 ms with this. It is an upper bound; an idle server polls no more than before.
 */
const QUEUES_WITHOUT_DELAY = ['transfer', 'timer', 'visibility'].map((queue) => `history.${queue}ProcessorMaxPollRPS=2000`)

/**
 * A write-ahead log costs a quarter of the fsyncs of the default journal: the ten activities took 170-227 ms. FULL keeps what was
 * acknowledged over a power cut too; NORMAL would save another 40 ms and could lose half a minute.
 */
const SQLITE = ['journal_mode=WAL', 'synchronous=FULL']

/** The server's command without a shell. The database is named from the server's own folder: the CLI puts the name into a URL unescaped. */
export function serverArgv({ host, port, uiPort, namespace }: ServerPlace): string[] {
  const place = [
    '--ip',
    host,
    '--port',
    String(port),
    '--ui-port',
    String(uiPort),
    '--namespace',
    namespace,
    '--db-filename',
    DATABASE_NAME,
  ]
  const attributes = SEARCH_ATTRIBUTES.flatMap((name) => ['--search-attribute', `${name}=Keyword`])
  const queues = QUEUES_WITHOUT_DELAY.flatMap((value) => ['--dynamic-config-value', value])
  const pragmas = SQLITE.flatMap((pragma) => ['--sqlite-pragma', pragma])
  return ['server', 'start-dev', ...place, ...attributes, ...queues, ...pragmas, '--log-level', 'warn', '--color', 'never']
}

/** Our environment without Temporal's own variables: they belong to clients, and would change what the server is told here. */
export function serverEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_')))
}
