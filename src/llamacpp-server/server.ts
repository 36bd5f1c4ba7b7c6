import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import { chatShapes, textShapes, type AnswerShapes } from './answer-shapes.js'
import { ApiError } from './api-error.js'
import type { CompletionService, Turn } from './completion-service.js'
import { log, oneLine } from './log.js'
import { parseChat, parseText, type CompletionRequest } from './request-body.js'

const BODY_LIMIT = 16 * 1024 * 1024

/** The HTTP side. `isStopping` turns /health to 503, so that a balancer sends nothing more. */
export function createServer(service: CompletionService, isStopping: () => boolean): FastifyInstance {
  const app = Fastify({ bodyLimit: BODY_LIMIT, return503OnClosing: false })
  const created = Math.floor(Date.now() / 1000)

  app.get('/health', (_request, reply) => reply.code(isStopping() ? 503 : 200).send({ status: isStopping() ? 'stopping' : 'ok' }))
  app.get('/v1/models', () => ({
    object: 'list',
    data: [{ id: service.servedName, object: 'model', created, owned_by: 'aim-engine', max_model_len: service.context }],
  }))
  app.get('/metrics', async (_request, reply) => reply.type(service.metrics.contentType).send(await service.metrics.text()))
  app.post('/v1/chat/completions', (request, reply) => {
    const body = parseChat(request.body)
    return answer(reply, body, chatShapes(service.servedName, body.includeUsage), (control) => service.admitChat(body, control))
  })
  app.post('/v1/completions', (request, reply) => {
    const body = parseText(request.body)
    return answer(reply, body, textShapes(service.servedName, body.includeUsage), (control) => service.admitText(body, control))
  })

  app.addHook('onSend', async (_request, reply) => {
    if (isStopping()) reply.header('connection', 'close')
  })
  app.setNotFoundHandler((request) => {
    throw new ApiError(404, 'not_found', `${request.method} ${request.url.split('?', 1)[0]} does not exist here`)
  })
  app.setErrorHandler(sendError)
  return app
}

async function answer(
  reply: FastifyReply,
  request: CompletionRequest,
  shapes: AnswerShapes,
  admit: (control: AbortController) => Promise<Turn>,
): Promise<FastifyReply> {
  const control = abortOnDisconnect(reply)
  const turn = await admit(control)
  if (request.stream) return stream(reply, turn, shapes, request.includeUsage)
  let text = ''
  const end = await turn.run((piece) => {
    text += piece
  })
  return reply.send(shapes.whole(text, end))
}

/** Errors from here on cannot change the status any more: they are sent as an event, and the stream ends without `[DONE]`. */
async function stream(reply: FastifyReply, turn: Turn, shapes: AnswerShapes, includeUsage: boolean): Promise<FastifyReply> {
  reply.hijack()
  const { raw } = reply
  raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache', 'x-accel-buffering': 'no' })
  const send = (body: object | string): void => {
    raw.write(`data: ${typeof body === 'string' ? body : JSON.stringify(body)}\n\n`)
  }
  try {
    const opening = shapes.opening()
    if (opening) send(opening)
    const end = await turn.run((text) => send(shapes.piece(text)))
    send(shapes.closing(end.finishReason))
    if (includeUsage) send(shapes.usage(end.usage))
    send('[DONE]')
  } catch (error) {
    if (!raw.destroyed) send(toApiError(error).toBody())
  }
  raw.end()
  return reply
}

function abortOnDisconnect(reply: FastifyReply): AbortController {
  const control = new AbortController()
  reply.raw.once('close', () => {
    if (!reply.raw.writableFinished) control.abort(new ApiError(499, 'client_left', 'the client closed the connection'))
  })
  return control
}

function sendError(error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const failure = toApiError(error)
  if (failure.status === 429) reply.header('retry-after', '1')
  return reply.code(failure.status).send(failure.toBody())
}

function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error
  const { statusCode, code, message } = error as Partial<FastifyError>
  if (statusCode !== undefined && statusCode < 500)
    return new ApiError(statusCode, (code ?? 'bad_request').toLowerCase(), message ?? 'bad request')
  log(`internal error: ${oneLine(String(error))}`)
  return new ApiError(500, 'internal', 'the server failed; its log says why')
}
