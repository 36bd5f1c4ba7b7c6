import net from 'node:net'
import tls from 'node:tls'

/**
 * A connection that reads into memory of its own, two slabs in turn: one is filled while the other is used. Node's own HTTP client makes a new
 * buffer of 64 kB for each read, which costs more of the processor than hashing the bytes.
 */
export type Connection = {
  write(text: string): void
  /** The bytes that came since the last call, once there are enough of them; null: it ended. They are valid until the next call. */
  read(): Promise<Buffer | null>
  /** Bytes in one piece: `read` waits for as many, or for `WAIT_MS`. */
  expect(bytes: number): void
  destroy(error?: Error): void
  /** Nothing is asked of it for now: it does not keep the process. `resume`: it is used again. */
  rest(): void
  resume(): void
  /** Whether it is open, and nothing came that was not asked for. */
  isClean(): boolean
}

export const SLAB_BYTES = 1 << 20
/** Behind each slab, for what still comes once it is full: TLS opens all records of one read of 64 kB, and of one begun before, whatever is said. */
const ROOM_BYTES = 128 << 10
/** What came over a slow connection is handed over after so long, in ms. */
const WAIT_MS = 200

type Slab = { bytes: Buffer; filled: number; since: number }

/** @throws the socket's error, one with code ETIMEDOUT after `connectMs`, or the signal's reason. */
export async function openConnection(url: URL, connectMs: number, signal?: AbortSignal): Promise<Connection> {
  let filling: Slab = emptySlab()
  let spare: Slab | null = emptySlab()
  let lent: Slab | null = null
  let enough = 1
  let ended: { error: Error | null } | null = null
  let wake = (): void => {}

  const socket = connect(url, {
    // Asked for right after each read, so it may lie in a slab that is lent by the time of the next one.
    buffer: () => filling.bytes.subarray(filling.filled, filling.filled < SLAB_BYTES ? SLAB_BYTES : undefined),
    callback(count, memory) {
      const isFirst = filling.filled === 0
      if (isFirst) filling.since = performance.now()
      if (memory.buffer !== filling.bytes.buffer) filling.bytes.set(memory.subarray(0, count), filling.filled)
      filling.filled += count
      if (isFirst || filling.filled >= enough) wake()
      return filling.filled < SLAB_BYTES // else nothing is read until a slab is free
    },
  })
  const end = (error: Error | null): void => {
    ended ??= { error }
    wake()
  }
  socket.setNoDelay(true)
  socket.on('error', end)
  socket.on('end', () => end(null))
  socket.on('close', () => end(null))
  await connected(socket, url, connectMs, signal)

  /** Hands the filled slab over, and goes on filling the spare one. */
  function lend(): Buffer {
    lent = filling
    filling = spare as Slab
    spare = null
    if (lent.filled >= SLAB_BYTES) socket.resume()
    return lent.bytes.subarray(0, lent.filled)
  }

  function takeBack(): void {
    if (lent === null) return
    lent.filled = 0
    spare = lent
    lent = null
  }

  return {
    write: (text) => void socket.write(text, 'latin1'),
    expect(bytes) {
      enough = Math.min(bytes, SLAB_BYTES)
    },
    async read() {
      takeBack()
      for (;;) {
        const patience = filling.filled === 0 ? null : WAIT_MS - (performance.now() - filling.since)
        if (filling.filled >= enough || (patience !== null && (patience <= 0 || ended !== null))) return lend()
        if (ended !== null) {
          if (ended.error !== null) throw ended.error
          return null
        }
        await new Promise<void>((resolve) => {
          const timer = patience === null ? undefined : setTimeout(resolve, patience)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    },
    destroy: (error) => void socket.destroy(error),
    rest() {
      takeBack()
      enough = 1
      socket.unref()
    },
    resume: () => void socket.ref(),
    isClean: () => ended === null && filling.filled === 0,
  }
}

const emptySlab = (): Slab => ({ bytes: Buffer.allocUnsafeSlow(SLAB_BYTES + ROOM_BYTES), filled: 0, since: 0 })

type OnRead = { buffer: () => Buffer; callback: (count: number, memory: Uint8Array) => boolean }

function connect(url: URL, onread: OnRead): net.Socket {
  const isTls = url.protocol === 'https:'
  const host = url.hostname.replace(/^\[|\]$/g, '')
  const port = Number(url.port || (isTls ? 443 : 80))
  if (!isTls) return net.connect({ host, port, onread })
  const name = net.isIP(host) === 0 ? { servername: host } : {}
  // `onread` works for TLS as for plain sockets; Node's types leave it out.
  return tls.connect({ host, port, ...name, ALPNProtocols: ['http/1.1'], onread } as tls.ConnectionOptions & { onread: OnRead })
}

function connected(socket: net.Socket, { protocol }: URL, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = Object.assign(new Error(`no connection within ${ms / 1000} s`), { code: 'ETIMEDOUT' })
    const timer = setTimeout(() => socket.destroy(late), ms)
    const abort = (): void => void socket.destroy()
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
    }
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort, { once: true })
    let failure = new Error('the connection was closed')
    socket.once('error', (error) => (failure = error))
    socket.once(protocol === 'https:' ? 'secureConnect' : 'connect', () => {
      done()
      resolve()
    })
    socket.once('close', () => {
      done()
      reject(signal?.aborted ? (signal.reason as Error) : failure)
    })
  })
}
