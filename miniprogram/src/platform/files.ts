/** Files that the server hands out, on this phone: saved by a browser, opened by WeChat. */
import type { ChosenFile } from '../api/client'
import { readProblem, NO_ANSWER } from '../api/problem'
import type { Evidence } from '../api/types'
import { apiAddress } from '../api/uni-transport'
import { sessionToken } from '../sign_in/session'

/** How many files the server takes for one case. */
export const MOST_FILES = 9

/** Hand a file that only its owner may have to the person. Rejects with a Problem. */
export async function openFile(path: string, name: string): Promise<void> {
  // #ifdef H5
  await saveByBrowser(path, name)
  // #endif
  // #ifndef H5
  await openByWeChat(path, name)
  // #endif
}

/** Show a photo, or hand a PDF over as any other file. Rejects with a Problem. */
export async function openEvidence(path: string, { filename, media_type: kind }: Evidence): Promise<void> {
  if (kind === 'application/pdf') {
    // Whatever it was called when it was handed in, it is a PDF now.
    await openFile(path, /\.pdf$/i.test(filename) ? filename : `${filename}.pdf`)
    return
  }
  let picture = ''
  // #ifdef H5
  picture = URL.createObjectURL(await fetchOwn(path))
  // #endif
  // #ifndef H5
  picture = await download(path)
  // #endif
  uni.previewImage({ urls: [picture] })
}

/** Let the person choose a PDF on this phone; null when they chose none. It is sent nowhere by this. */
export async function choosePdf(): Promise<ChosenFile | null> {
  let chosen: ChosenFile | null = null
  // #ifdef H5
  const file = await chooseFile('application/pdf,.pdf')
  if (file !== null) chosen = { path: URL.createObjectURL(file), name: file.name, file }
  // #endif
  // #ifdef MP-WEIXIN
  chosen = await new Promise((resolve) => {
    // WeChat gives no access to the phone's folders; files that were sent in a chat can be chosen.
    uni.chooseMessageFile({
      count: 1,
      type: 'file',
      extension: ['pdf'],
      success: ({ tempFiles }) => resolve(tempFiles[0] ?? null),
      fail: () => resolve(null),
    })
  })
  // #endif
  return chosen
}

// #ifdef H5
async function fetchOwn(path: string): Promise<Blob> {
  let answer: Response
  try {
    answer = await fetch(apiAddress(path), { headers: { Authorization: `Bearer ${sessionToken() ?? ''}` } })
  } catch {
    throw NO_ANSWER
  }
  if (!answer.ok) throw readProblem(answer.status, await answer.json().catch(() => null))
  return answer.blob()
}

async function saveByBrowser(path: string, name: string): Promise<void> {
  const address = URL.createObjectURL(await fetchOwn(path))
  const link = document.createElement('a')
  link.href = address
  link.download = name
  link.click()
  // The browser has taken it over by then.
  setTimeout(() => URL.revokeObjectURL(address), 60_000)
}

function chooseFile(accept: string): Promise<File | null> {
  return new Promise((resolve) => {
    const field = document.createElement('input')
    field.type = 'file'
    field.accept = accept
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
/** To a temporary path. */
function download(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    uni.downloadFile({
      url: apiAddress(path),
      header: { Authorization: `Bearer ${sessionToken() ?? ''}` },
      success: ({ statusCode, tempFilePath }) => {
        if (statusCode === 200) resolve(tempFilePath)
        else reject(readProblem(statusCode, null))
      },
      fail: () => reject(NO_ANSWER),
    })
  })
}

/** WeChat shows a PDF itself, with its own menu to send or save it; it cannot show JSON, which is kept on the phone. */
async function openByWeChat(path: string, name: string): Promise<void> {
  const filePath = await download(path)
  await new Promise<void>((resolve, reject) => {
    const done = { success: () => resolve(), fail: () => reject(NO_ANSWER) }
    if (name.endsWith('.pdf')) uni.openDocument({ filePath, fileType: 'pdf', showMenu: true, ...done })
    else uni.saveFile({ tempFilePath: filePath, ...done })
  })
}
// #endif
