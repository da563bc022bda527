/** An answer that is not the one hoped for, with a sentence that an officer can act on. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    /** Per field, what is wrong with it; only for answers that refuse the shape of a request. */
    readonly errors: Record<string, string> = {},
    /** The whole answer: a refusal may carry more of its own, such as the faulty cells of a table. */
    readonly data: Readonly<Record<string, unknown>> = {},
  ) {
    super(detail)
  }
}

/** The server could not be reached, or what came back was cut short. */
export function unreachable(): Problem {
  return new Problem(0, 'unreachable', '连不上服务器。请检查网络后重试；重试不会重复执行刚才的操作。')
}

const SENTENCES: Record<number, string> = {
  401: '登录已结束，请重新登录。',
  403: '您的岗位没有这项权限。如工作需要，请联系系统管理员调整。',
  404: '没有找到这项内容，可能已被处理。请回到列表刷新后再看。',
  413: '提交的内容太大，请减少后再试。',
  429: '操作过于频繁，请稍后再试。',
  502: '服务正在重启，请稍后重试。',
  503: '服务暂时不可用，您的操作没有执行。请稍后重试。',
}

/** Reads a problem document (RFC 9457); anything else (a proxy's own page) becomes a sentence of ours. */
export function problemFrom(status: number, body: unknown): Problem {
  const document = typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  const detail = typeof document.detail === 'string' && document.detail ? document.detail : undefined
  const code = typeof document.code === 'string' ? document.code : `http_${status}`
  return new Problem(
    status,
    code,
    detail ?? SENTENCES[status] ?? `服务器没有正常答复（${status}）。请稍后重试，仍不行请联系系统管理员。`,
    fieldErrors(document.errors),
    document,
  )
}

/** Flattens {json: {field: ["…"]}} to {field: "…"}. */
function fieldErrors(errors: unknown): Record<string, string> {
  const flat: Record<string, string> = {}
  const walk = (node: unknown, path: string): void => {
    if (typeof node === 'string') flat[path] = flat[path] ? `${flat[path]}；${node}` : node
    else if (Array.isArray(node)) node.forEach((item) => walk(item, path))
    else if (typeof node === 'object' && node !== null) {
      for (const [key, value] of Object.entries(node)) walk(value, path && path !== 'json' ? `${path}.${key}` : key)
    }
  }
  walk(errors, '')
  return flat
}
