import { openConnection, type Connection } from './connection.js'

/** Open connections by origin, kept for a while after their use. */
export type Connections = {
  /** `fresh`: one that was not used before. */
  take(url: URL, fresh: boolean, signal?: AbortSignal): Promise<{ connection: Connection; used: boolean }>
  giveBack(url: URL, connection: Connection): void
}

/** Shorter than servers keep theirs, commonly 5 s: one that is closed under our hands costs a second request. */
const KEPT_MS = 4_000

export function createConnections(connectMs: number): Connections {
  const idle = new Map<string, { connection: Connection; timer: NodeJS.Timeout }[]>()

  return {
    async take(url, fresh, signal) {
      const kept = fresh ? undefined : idle.get(url.origin)
      for (let entry = kept?.pop(); entry !== undefined; entry = kept?.pop()) {
        clearTimeout(entry.timer)
        if (!entry.connection.isClean()) {
          entry.connection.destroy()
          continue
        }
        entry.connection.resume()
        return { connection: entry.connection, used: true }
      }
      return { connection: await openConnection(url, connectMs, signal), used: false }
    },
    giveBack({ origin }, connection) {
      connection.rest()
      const list = idle.get(origin) ?? []
      idle.set(origin, list)
      const timer = setTimeout(() => {
        list.splice(
          list.findIndex((entry) => entry.connection === connection),
          1,
        )
        connection.destroy()
      }, KEPT_MS)
      list.push({ connection, timer: timer.unref() })
    },
  }
}
