import { fastify } from 'fastify'
import { z } from 'zod'
import { AimError, ERRORS, isAimError, type ErrorCode } from '../contracts/errors.js'
import { EndpointName } from '../contracts/names.js'
import { validate } from '../contracts/validate.js'
import type { Records } from '../ports/records.js'

const HistoryQuery = z.strictObject({ endpoint: EndpointName, limit: z.coerce.number().pipe(z.int().min(1).max(200)).default(20) })

const STATUS: Partial<Record<ErrorCode, number>> = { InvalidInput: 422, NotFound: 404 }

type ApiOptions = {
  records: Pick<Records, 'history'>
  /** In the text format of Prometheus; read anew for every scrape. */
  metrics: () => Promise<string>
  host: string
  port: number
}

/** Read access to what only this process may open: the history in its database. Loopback unless told otherwise. */
export async function startApi({ records, metrics, host, port }: ApiOptions) {
  const app = fastify({ forceCloseConnections: true })
  app.setErrorHandler((error, _request, reply) => {
    const { code, message, fix } = isAimError(error)
      ? error
      : { code: 'Internal' as const, message: (error as Error).message, fix: ERRORS.Internal.fix }
    const status = STATUS[code] ?? (ERRORS[code].retry ? 503 : 500)
    return reply
      .code(status)
      .type('application/problem+json')
      .send({ type: `/problems/${code}`, title: code, status, detail: message, code, fix })
  })
  app.setNotFoundHandler((request) => {
    throw new AimError('NotFound', { what: request.url })
  })
  app.get('/healthz', () => ({ status: 'ok' }))
  app.get('/metrics', async (_request, reply) => reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metrics()))
  app.get('/v1/deployments', (request) => {
    const { endpoint, limit } = validate(HistoryQuery, request.query)
    return records.history(endpoint, limit)
  })
  await app.listen({ host, port })
  return { url: `http://${host}:${port}`, close: () => app.close() }
}
