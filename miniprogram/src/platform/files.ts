/** Files that the server hands out, on this phone: saved by a browser, opened by WeChat. */
import { readProblem, NO_ANSWER } from '../api/problem'
import { apiAddress } from '../api/uni-transport'
import { sessionToken } from '../sign_in/session'

/** Hand a file that only its owner may have to the person. Rejects with a Problem. */
export async function openFile(path: string, name: string): Promise<void> {
  // #ifdef H5
  await saveByBrowser(path, name)
  // #endif
  // #ifndef H5
  await openByWeChat(path, name)
  // #endif
}

// #ifdef H5
async function saveByBrowser(path: string, name: string): Promise<void> {
  let answer: Response
  try {
    answer = await fetch(apiAddress(path), { headers: { Authorization: `Bearer ${sessionToken() ?? ''}` } })
  } catch {
    throw NO_ANSWER
  }
  if (!answer.ok) throw readProblem(answer.status, await answer.json().catch(() => null))
  const address = URL.createObjectURL(await answer.blob())
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken it over by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

/** Let the person choose a PDF on this device; null when they chose none. It is read here and sent nowhere. */
export function choosePdf(): Promise<File | null> {
  return new Promise((resolve) => {
    const field = document.createElement('input')
    field.type = 'file'
    field.accept = 'application/pdf,.pdf'
    field.onchange = () => resolve(field.files?.[0] ?? null)
    field.oncancel = () => resolve(null)
    field.click()
  })
}

/** SHA-256 in hex; null where the browser cannot compute it, which is on pages without https. */
export async function sha256(file: Blob): Promise<string | null> {
  if (globalThis.crypto?.subtle === undefined) return null
  const digest = await crypto.subtle.digest('SHA-256', await file.arrayBuffer())
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
// #endif

// #ifndef H5
/** WeChat shows a PDF itself, with its own menu to send or save it; it cannot show JSON, which is kept on the phone. */
function openByWeChat(path: string, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    uni.downloadFile({
      url: apiAddress(path),
      header: { Authorization: `Bearer ${sessionToken() ?? ''}` },
      success: ({ statusCode, tempFilePath }) => {
        if (statusCode !== 200) {
          reject(readProblem(statusCode, null))
          return
        }
        if (!name.endsWith('.pdf')) {
          uni.saveFile({ tempFilePath, success: () => resolve(), fail: () => reject(NO_ANSWER) })
          return
        }
        uni.openDocument({
          filePath: tempFilePath,
          fileType: 'pdf',
          showMenu: true,
          success: () => resolve(),
          fail: () => reject(NO_ANSWER),
        })
      },
      fail: () => reject(NO_ANSWER),
    })
  })
}
// #endif
