import type { FastifyReply } from 'fastify'

const REFUSALS = {
  RepoNotFound: { status: 404, message: 'Repository not found' },
  RevisionNotFound: { status: 404, message: 'Invalid rev id' },
  EntryNotFound: { status: 404, message: 'Entry not found' },
} as const

/** Answers as the hub does: the code in a header, where its clients look for it. */
export function refuse(reply: FastifyReply, code: keyof typeof REFUSALS): FastifyReply {
  const { status, message } = REFUSALS[code]
  return reply.code(status).headers({ 'x-error-code': code, 'x-error-message': message }).send({ error: message })
}
