import type { S3Client } from '@aws-sdk/client-s3'
import type { ModelFile, PinnedModel } from '../../contracts/model.js'
import type { WeightSource } from '../../ports/weight-source.js'
import type { HttpLimits } from '../hub/http.js'
import { createAgents } from '../hub/proxy.js'
import { createPlace, PLAIN_HEADERS } from './place.js'
import { s3Failure, statusOf } from './s3-failure.js'

export type S3Options = {
  /** `s3://bucket/prefix`. */
  address: string
  /** Address of the store; absent: AWS. */
  endpoint?: string | undefined
  /** Absent: as the SDK finds it, and `us-east-1` for an endpoint of one's own, where it means nothing. */
  region?: string | undefined
  /** Bucket in the path instead of the host name. Absent: true with an endpoint. */
  pathStyle?: boolean | undefined
  limits?: Partial<HttpLimits>
  /** How long a signed address lasts, in seconds. */
  signedSeconds?: number
}

const DEFAULT_LIMITS: HttpLimits = { connectMs: 15_000, answerMs: 60_000 }
const SIGNED_SECONDS = 3_600

/**
 * Files of an S3-compatible store: `<prefix>/blobs/<digest>`, else `<prefix>/<org>/<name>/<commit>/<path>`. The SDK finds the credentials, asks for the file and
 * signs an address; the bytes come over connections of our own. It is loaded with the first file.
 */
export function s3Source(options: S3Options): WeightSource {
  const [bucket = '', ...folders] = options.address.slice('s3://'.length).replace(/\/+$/, '').split('/')
  const prefix = folders.map((folder) => `${folder}/`).join('')
  const name = `s3 ${options.address}`
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const place = createPlace(limits)
  let opened: Promise<S3> | undefined
  let mayRead = false

  return {
    kind: 's3',
    name,
    async locate(model, file, signal) {
      const about = { hub: name, model: model.repo, ref: model.commit, file: file.path }
      try {
        const s3 = await (opened ??= open(options, bucket, limits))
        const { key, refusal, found } = await firstKey(s3, bucket, keysOf(prefix, model, file), file, signal)
        mayRead ||= found
        if (refusal !== null && !mayRead) throw refusal
        if (key === null) return null
        const url = await s3.sign(bucket, key, options.signedSeconds ?? SIGNED_SECONDS)
        return { url, headers: PLAIN_HEADERS, size: file.size, etag: '', model: model.repo }
      } catch (error) {
        throw s3Failure(error, about, signal)
      }
    },
    read: (location, range, signal) => place.read(location, range, { hub: name, model: location.model ?? '', ref: '' }, signal),
  }
}

function keysOf(prefix: string, { repo, commit }: Pick<PinnedModel, 'repo' | 'commit'>, { path, digest }: ModelFile): string[] {
  return [`${prefix}blobs/${digest.hex}`, `${prefix}${repo}/${commit}/${path}`]
}

/** `found`: an object could be read, whatever its size. `refusal`: what the last key was refused with. */
type FirstKey = { key: string | null; refusal: Error | null; found: boolean }

/** Who may not list a bucket is told 403 for what is not there: whether it is that or no access at all, another object's answer tells. */
async function firstKey(s3: S3, bucket: string, keys: string[], { size }: ModelFile, signal?: AbortSignal): Promise<FirstKey> {
  const answer: FirstKey = { key: null, refusal: null, found: false }
  for (const key of keys) {
    answer.refusal = null
    try {
      const actual = await s3.size(bucket, key, signal)
      answer.found = true
      if (actual === size) return { ...answer, key }
    } catch (error) {
      const status = statusOf(error)
      if (status !== 404 && status !== 403) throw error
      if (status === 403) answer.refusal = error as Error
    }
  }
  return answer
}

type S3 = {
  size(bucket: string, key: string, signal?: AbortSignal): Promise<number | undefined>
  sign(bucket: string, key: string, seconds: number): Promise<string>
}

async function open({ endpoint, region, pathStyle }: S3Options, bucket: string, limits: HttpLimits): Promise<S3> {
  process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true' // about versions after ours, which is pinned
  const [sdk, { getSignedUrl }] = await Promise.all([import('@aws-sdk/client-s3'), import('@aws-sdk/s3-request-presigner')])
  const place = region ?? (endpoint === undefined ? undefined : 'us-east-1')
  const client: S3Client = new sdk.S3Client({
    ...(endpoint !== undefined && { endpoint }),
    ...(place !== undefined && { region: place }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    requestHandler: {
      connectionTimeout: limits.connectMs,
      requestTimeout: limits.answerMs,
      throwOnRequestTimeout: true,
      ...agentsFor(endpoint ?? `https://${bucket}.s3.${place === undefined ? '' : `${place}.`}amazonaws.com`),
    },
    maxAttempts: 1, // who transfers tries again, and knows when to go elsewhere
    // Ours is the digest; theirs would be one more header that not every store knows.
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return {
    async size(Bucket, Key, signal) {
      const command = new sdk.HeadObjectCommand({ Bucket, Key })
      return (await client.send(command, signal === undefined ? {} : { abortSignal: signal })).ContentLength
    },
    sign: (Bucket, Key, expiresIn) => getSignedUrl(client, new sdk.GetObjectCommand({ Bucket, Key }), { expiresIn }),
  }
}

/** The SDK looks at no proxy by itself. The address is the store's, whose name `NO_PROXY` may hold. */
function agentsFor(address: string) {
  const agent = createAgents()(new URL(address))
  return address.startsWith('https:') ? { httpsAgent: agent } : { httpAgent: agent }
}
