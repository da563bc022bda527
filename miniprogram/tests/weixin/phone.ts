/**
 * A phone with WeChat, as far as the built mini-program can tell: miniprogram-simulate renders the pages, and the
 * globals that WeChat provides stand in here. Answers come from the test.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { JSDOM } from 'jsdom'

export const BUILT = resolve(__dirname, '../../dist/build/mp-weixin')

export interface Sent {
  method: string
  path: string
  header: Record<string, string>
  body: unknown
}

export interface Answered {
  status: number
  body: unknown
}

export interface Phone {
  sent: Sent[]
  /** Where the app asked WeChat to go: `switchTab /pages/score/score`. */
  visited: string[]
  storage: Record<string, unknown>
  /** What WeChat does when the mini-program is started at an address, whether it has such a page or not. */
  startAt(path: string): void
  open(page: string, query?: Record<string, string>): Promise<Screen>
  putAway(): void
}

export interface Screen {
  text(): string
  /** Tap the first element of the class whose text contains the words. */
  tap(className: string, words: string): Promise<void>
}

interface SimulatedPage {
  instance: Record<string, unknown>
  dom: Element
  attach(parent: Element): void
}

export function switchOn(
  answer: (method: string, path: string) => Answered,
  storage: Record<string, unknown> = {},
): Phone {
  const { window } = new JSDOM('<!doctype html><body></body>', { url: 'http://localhost' })
  const sent: Sent[] = []
  const visited: string[] = []
  let launched: Record<string, (options: object) => void> = {}
  let pages: unknown[] = []

  const go = (how: string) => (options: { url: string }) => visited.push(`${how} ${options.url}`)
  const globals: Record<string, unknown> = {
    window,
    document: window.document,
    Event: window.Event,
    CustomEvent: window.CustomEvent,
    Element: window.Element,
    Node: window.Node,
    TouchEvent: window.TouchEvent,
    App: (options: typeof launched) => {
      launched = options
    },
    Page: () => undefined,
    getApp: () => launched,
    getCurrentPages: () => pages,
    wx: {
      canIUse: () => true,
      getAppBaseInfo: () => ({ language: 'zh_CN', SDKVersion: '3.5.0' }),
      getDeviceInfo: () => ({ platform: 'devtools' }),
      getWindowInfo: () => ({ windowWidth: 390 }),
      getSystemInfoSync: () => ({ platform: 'devtools', SDKVersion: '3.5.0', windowWidth: 390 }),
      getLaunchOptionsSync: () => ({}),
      onAppShow: () => undefined,
      onAppHide: () => undefined,
      getStorageSync: (key: string) => storage[key] ?? '',
      setStorageSync: (key: string, value: unknown) => {
        storage[key] = value
      },
      removeStorageSync: (key: string) => {
        delete storage[key]
      },
      switchTab: go('switchTab'),
      reLaunch: go('reLaunch'),
      redirectTo: go('redirectTo'),
      navigateTo: go('navigateTo'),
      downloadFile: (options: {
        url: string
        header: Record<string, string>
        success: (answer: object) => void
      }) => {
        const path = options.url.replace(/^.*?\/api\/v1/, '')
        sent.push({ method: 'DOWNLOAD', path, header: options.header, body: undefined })
        setTimeout(() => options.success({ statusCode: 200, tempFilePath: 'wxfile://tmp/1' }), 0)
      },
      openDocument: (options: { filePath: string; fileType: string; success: () => void }) => {
        visited.push(`openDocument ${options.filePath} ${options.fileType}`)
        options.success()
      },
      request: (options: {
        method: string
        url: string
        header: Record<string, string>
        data?: string
        success: (answer: object) => void
      }) => {
        const path = options.url.replace(/^.*?\/api\/v1/, '')
        const body: unknown = options.data === undefined ? undefined : JSON.parse(options.data)
        sent.push({ method: options.method, path, header: options.header, body })
        const { status, body: data } = answer(options.method, path)
        setTimeout(() => options.success({ statusCode: status, header: {}, data }), 0)
      },
    },
  }
  Object.assign(globalThis, globals)

  // Copied away from this package, so that nothing of it (module type, node_modules) is seen by the built files.
  const folder = mkdtempSync(join(tmpdir(), 'osmanthus-weixin-'))
  cpSync(BUILT, folder, { recursive: true })
  const require = createRequire(join(folder, 'app.js'))
  const simulate = createRequire(__filename)('miniprogram-simulate') as {
    load(path: string, options: object): string
    render(id: string): SimulatedPage
  }
  require(join(folder, 'app.js'))
  const { pages: declared } = require(join(folder, 'app.json')) as { pages: string[] }
  function startAt(path: string): void {
    launched.onLaunch?.({ path, query: {} })
    if (path !== '' && !declared.includes(path)) launched.onPageNotFound?.({ path, query: {}, isEntryPage: true })
  }
  startAt('')

  /** Until no request has been under way for a moment. */
  async function settle(): Promise<void> {
    for (let before = -1; before !== sent.length; ) {
      before = sent.length
      await new Promise((done) => setTimeout(done, 60))
    }
  }

  return {
    sent,
    visited,
    storage,
    startAt,
    async open(page, query = {}) {
      const simulated = simulate.render(
        simulate.load(join(folder, page), { compiler: 'official', rootPath: folder }),
      )
      const parent = window.document.createElement('div')
      window.document.body.appendChild(parent)
      simulated.attach(parent)
      pages = [simulated.instance]
      for (const [hook, argument] of [['onLoad', query], ['onShow', undefined], ['onReady', undefined]] as const) {
        const run = simulated.instance[hook]
        if (typeof run === 'function') run.call(simulated.instance, argument)
      }
      await settle()
      return {
        text: () => parent.textContent ?? '',
        async tap(className, words) {
          const candidates = [...parent.querySelectorAll(`[class*="${className}"]`)]
          const target = candidates.find((one) => one.textContent?.includes(words))
          if (target === undefined) throw new Error(`nothing of class ${className} says ${words}`)
          const finger = { pageX: 0, pageY: 0 }
          for (const [type, touches] of [['touchstart', [finger]], ['touchend', []]] as const) {
            target.dispatchEvent(
              Object.assign(new window.Event(type, { bubbles: true }), { touches, changedTouches: [finger] }),
            )
          }
          await settle()
        },
      }
    },
    putAway() {
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
