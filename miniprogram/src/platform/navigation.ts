import { asProblem } from '../api/problem'

/** WeChat opens the pages of the tab bar by another call than all others. */
const TABS = ['/pages/score/score', '/pages/benefits/benefits', '/pages/mine/mine']

export const openPage = (url: string): void => {
  if (TABS.includes(url)) uni.switchTab({ url })
  else uni.navigateTo({ url })
}

/** The public page of an enterprise or organisation, by any code that it has or had. */
export const unitPage = (code: string): string => `/pages/enterprises/detail?code=${encodeURIComponent(code)}`

/** A page's address with the enterprise that the citizen acts for, if any. */
export function withSubject(url: string, enterprise: string | null): string {
  if (enterprise === null) return url
  return `${url}${url.includes('?') ? '&' : '?'}enterprise=${encodeURIComponent(enterprise)}`
}

/** Back to the page before; a page opened by its address has none, so it goes to the score. */
export function goBack(): void {
  if (getCurrentPages().length > 1) uni.navigateBack()
  else uni.switchTab({ url: '/pages/score/score' })
}

export const say = (title: string): void => {
  uni.showToast({ title, icon: 'none', duration: 2500 })
}

/** Tell what went wrong with something the person just did; long sentences need a dialog, not a toast. */
export function sayProblem(error: unknown): void {
  const { detail } = asProblem(error)
  if (detail.length > 18) uni.showModal({ title: '没有办成', content: detail, showCancel: false, confirmText: '知道了' })
  else say(detail)
}

export function confirm(question: { title: string; content: string; yes: string }): Promise<boolean> {
  return new Promise((resolve) => {
    uni.showModal({
      title: question.title,
      content: question.content,
      confirmText: question.yes,
      cancelText: '再想想',
      confirmColor: '#8a5a00',
      success: ({ confirm: agreed }) => resolve(agreed),
      fail: () => resolve(false),
    })
  })
}
