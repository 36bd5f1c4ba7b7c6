import { isIP } from 'node:net'
import { z } from 'zod'

/** Words of `AIM_SOURCES`. */
export const SOURCES = ['peers', 'mirror', 's3', 'hub', 'cdn'] as const
export type SourceWord = (typeof SOURCES)[number]

export const SourceOrder = z.string().superRefine((text, context) => {
  const words = text.split(',')
  const unknown = words.find((word) => !SOURCES.includes(word as SourceWord))
  if (unknown !== undefined)
    context.addIssue({ code: 'custom', message: `${JSON.stringify(unknown)} is no source; known: ${SOURCES.join(', ')}` })
  else if (new Set(words).size < words.length) context.addIssue({ code: 'custom', message: 'names a source twice' })
})

/** An address without credentials or a query: what is printed and logged must hold no secret. */
export const PlainUrl = z
  .url({ protocol: /^https?$/, error: 'must be an http or https URL' })
  .refine(isPlain, 'must not hold a user, a password, a query or a fragment')

const PLACES = ['repo', 'commit', 'path', 'digest']

export const CdnTemplate = z
  .string()
  .regex(/^https?:\/\/[^/{}?#@\s]+\/\S*$/, 'must be an http or https URL whose host is fixed, without credentials')
  .superRefine((text, context) => {
    const named = [...text.matchAll(/\{(.*?)\}/g)].map(([, name = '']) => name)
    const unknown = named.find((name) => !PLACES.includes(name))
    if (unknown !== undefined)
      context.addIssue({ code: 'custom', message: `{${unknown}} is unknown; known: ${PLACES.map((name) => `{${name}}`).join(', ')}` })
    else if (!named.includes('digest') && !named.includes('path'))
      context.addIssue({ code: 'custom', message: 'must hold {path} or {digest}' })
  })

export const S3Address = z
  .string()
  .regex(/^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[\w!.*'()-]+)*\/?$/, 'must be s3://bucket or s3://bucket/prefix')
  .refine((text) => !text.split('/').some((part) => part === '.' || part === '..'), 'must not contain `..`')

/** `host:port`, `[::1]:port` or `off`. */
export const PeerAddress = z.string().refine((text) => text === 'off' || splitAddress(text) !== null, 'must be host:port or off')

/** Host, without brackets, and port of an address; null when it is none. */
export function splitAddress(text: string): { host: string; port: number } | null {
  const [, v6, name, digits] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text) ?? []
  const host = v6 ?? name
  const port = Number(digits)
  return host === undefined || port > 65_535 || (v6 !== undefined && isIP(v6) !== 6) ? null : { host, port }
}

function isPlain(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { username, password, search, hash } = new URL(text)
  return [username, password, search, hash].every((part) => part === '')
}
