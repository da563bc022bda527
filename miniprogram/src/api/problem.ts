/** Why a request was refused or could not be made, in the server's words where it had any. */
export class Problem extends Error {
  constructor(
    /** Stable code of the server's problem details, or `network` when no answer came. */
    readonly code: string,
    /** HTTP status; 0 when no answer came. */
    readonly status: number,
    /** A Chinese sentence for the citizen. */
    readonly detail: string,
  ) {
    super(detail)
    this.name = 'Problem'
  }
}

export const NO_ANSWER = new Problem('network', 0, '没有连上服务器。请检查网络后再试一次。')

const BY_STATUS: Record<number, string> = {
  401: '登录已过期，请重新登录。',
  404: '没有找到这项内容，它可能已被移除。',
  429: '操作有点频繁，请稍等片刻再试。',
  503: '服务正忙，请稍后再试。',
}

/** Read a problem-details body; anything else (a proxy's page, an empty body) still becomes a sentence. */
export function readProblem(status: number, body: unknown): Problem {
  const details = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const code = typeof details.code === 'string' ? details.code : `http_${status}`
  const detail =
    typeof details.detail === 'string' && details.detail !== ''
      ? details.detail
      : (BY_STATUS[status] ?? '服务出了点问题，请稍后再试。')
  return new Problem(code, status, detail)
}

export function asProblem(error: unknown): Problem {
  return error instanceof Problem ? error : new Problem('unexpected', 0, '页面出了点问题，请重新打开。')
}
