/** Why a call failed, in the server's words or ours. */
export class ApiError extends Error {
  override readonly name = 'ApiError'

  constructor(
    /** The HTTP status, or 0 where no answer came. */
    readonly status: number,
    /** A stable word for programs. */
    readonly code: string,
    message: string,
    /** The field or parameter at fault. */
    readonly field?: string,
    /** What would mend it, often a command. */
    readonly remedy?: string,
    /** Seconds after which to try again, where the server said so. */
    readonly retryAfter?: number,
  ) {
    super(message)
  }

  /** Whether no answer came, or none from the server itself: it is down, or starts. */
  get isAway(): boolean {
    return this.status === 0 || (this.status >= 502 && this.status <= 504)
  }

  /** Whether the same may work later. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 408 || this.status === 429 || this.status >= 500
  }

  /** Reads a refusal. A proxy in between may answer with a page of its own. */
  static of(response: Response, text: string): ApiError {
    const { status } = response
    const seconds = Number.parseFloat(response.headers.get('retry-after') ?? '')
    const retryAfter = seconds >= 0 ? seconds : undefined
    try {
      const { code, detail, field, remedy } = JSON.parse(text)
      if (typeof detail === 'string') {
        return new ApiError(status, code, detail, field, remedy, retryAfter)
      }
    } catch {
      // It has no words of ours.
    }
    const said = `The server answered ${status}.`
    return new ApiError(status, 'unexpected', said, undefined, undefined, retryAfter)
  }
}
