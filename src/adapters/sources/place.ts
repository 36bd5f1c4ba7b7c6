import type { ModelFile } from '../../contracts/model.js'
import type { FileLocation } from '../../ports/hub.js'
import { networkFailure, refusal, type About } from '../hub/failures.js'
import { createHttp, type HttpLimits } from '../hub/http.js'
import { createRangeReader, type RangeReader } from '../hub/range-reader.js'

/** The head of an answer: `size` of the file in bytes, null where it is not told. */
export type Head = { status: number; size: number | null; header(name: string): string | null }

/** A place that speaks plain HTTP: a file is an address there. */
export type Place = {
  /** Asks for the head of a file. A redirect to another server is followed only where `follow` says so. @throws AimError of the `hub` group when nobody answers. */
  head(location: Ask, about: About, signal?: AbortSignal): Promise<Head>
  read: RangeReader
}

type Ask = Pick<FileLocation, 'url' | 'headers'> & { follow: 'all' | 'same-origin' }

export function createPlace(limits: HttpLimits): Place {
  const http = createHttp(limits)
  return {
    async head({ url, headers, follow }, about, signal) {
      signal?.throwIfAborted()
      const answer = await http(new URL(url), { method: 'HEAD', headers, signal, follow }).catch((error: unknown) => {
        throw networkFailure(error, about, signal)
      })
      answer.message.resume()
      const { status, message } = answer
      if (status === 408 || status === 429 || status >= 500) throw refusal(answer, about)
      const length = message.headers['content-length']
      return {
        status,
        size: length === undefined ? null : Number(length),
        header: (name) => message.headers[name]?.toString() ?? null,
      }
    },
    read: createRangeReader(limits),
  }
}

/** The path of a file as part of an address. */
export const encodePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/')

/** What is asked of every place: bytes as they are. */
export const PLAIN_HEADERS = { 'user-agent': 'aim-engine', 'accept-encoding': 'identity' }

/** Whether an answer may be the file. A place that does not tell the size is taken at its word: the digest decides. */
export const mayBe = ({ size }: ModelFile, head: Head): boolean => head.status === 200 && (head.size === null || head.size === size)
