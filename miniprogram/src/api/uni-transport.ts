import type { Transport, Upload } from './client'

/**
 * Where the API is. The web page is served by the same server; a mini-program has no origin of its own, so its build
 * is given one in VITE_API_ORIGIN (docs/miniprogram.md).
 */
let apiOrigin = ''
// #ifndef H5
apiOrigin = import.meta.env.VITE_API_ORIGIN ?? 'http://127.0.0.1:8000'
// #endif

/** Where a path of the API is reached. */
export const apiAddress = (path: string): string => `${apiOrigin}/api/v1${path}`

const TIMEOUT_MS = 15_000
const UPLOAD_TIMEOUT_MS = 60_000

export const uniTransport: Transport = ({ method, path, headers, body }) =>
  new Promise((resolve, reject) => {
    uni.request({
      url: apiAddress(path),
      method,
      header: body === undefined ? headers : { ...headers, 'Content-Type': 'application/json' },
      // A request without a body must not send an empty object as one.
      data: body === undefined ? undefined : JSON.stringify(body),
      timeout: TIMEOUT_MS,
      success: (answer) => {
        const sent = headerNamed(answer.header, 'date')
        const time = sent === null ? Number.NaN : Date.parse(sent)
        resolve({ status: answer.statusCode, body: parsed(answer.data), serverTime: Number.isNaN(time) ? null : time })
      },
      fail: reject,
    })
  })

export const uniUpload: Upload = ({ path, headers, file }) =>
  new Promise((resolve, reject) => {
    uni.uploadFile({
      url: `${apiOrigin}/api/v1${path}`,
      filePath: file.path,
      // A browser's own file keeps its name; by its address alone it would lose it.
      ...(file.file === undefined ? {} : { file: file.file }),
      name: 'file',
      header: headers,
      timeout: UPLOAD_TIMEOUT_MS,
      success: (answer) => resolve({ status: answer.statusCode, body: parsed(answer.data), serverTime: null }),
      fail: reject,
    })
  })

/** Problem details come as `application/problem+json`, which not every platform parses by itself. */
function parsed(data: unknown): unknown {
  if (typeof data !== 'string') return data
  try {
    return JSON.parse(data)
  } catch {
    return null
  }
}

function headerNamed(header: Record<string, string> | undefined, wanted: string): string | null {
  for (const [name, value] of Object.entries(header ?? {})) {
    if (name.toLowerCase() === wanted) return String(value)
  }
  return null
}
