/** An answer in OpenAI's error shape. `param` is the field at fault, `code` what a program can test for. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly param: string | null = null,
  ) {
    super(message)
  }

  get type(): string {
    if (this.status === 429) return 'rate_limit_error'
    return this.status >= 500 ? 'server_error' : 'invalid_request_error'
  }

  toBody(): { error: { message: string; type: string; param: string | null; code: string } } {
    return { error: { message: this.message, type: this.type, param: this.param, code: this.code } }
  }
}

export const badRequest = (code: string, message: string, param: string | null = null): ApiError => new ApiError(400, code, message, param)
export const stopping = (): ApiError => new ApiError(503, 'stopping', 'the server is stopping')
