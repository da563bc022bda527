/**
 * What a browser needs for keyboard and screen reader and the framework does not give: names and roles for its own
 * bars and dialogs, and keys that press. WeChat brings its own.
 */

/** What the framework's elements lack, by selector. */
const LACKING: readonly [selector: string, attributes: Record<string, string>][] = [
  ['uni-page-head', { role: 'banner' }],
  ['.uni-page-head__title', { role: 'heading', 'aria-level': '1' }],
  ['.uni-page-head-btn', { role: 'button', tabindex: '0', 'aria-label': '返回' }],
  ['uni-page-wrapper', { role: 'main' }],
  ['.uni-tabbar', { role: 'navigation', 'aria-label': '主要页面' }],
  ['.uni-tabbar__item', { role: 'link', tabindex: '0' }],
  // The picture's own element inside `image`, which carries the role and the name itself.
  ['uni-image img, .uni-tabbar img', { alt: '' }],
  ['.uni-modal', { role: 'dialog', 'aria-modal': 'true' }],
  ['.uni-modal__btn', { role: 'button', tabindex: '0' }],
]

const PRESSED_LIKE_A_BUTTON = ['button', 'link', 'tab', 'switch', 'checkbox', 'radio']
  .map((role) => `[role="${role}"]`)
  .join(', ')

export function makeAccessible(page: Document): void {
  const complete = () => {
    for (const [selector, attributes] of LACKING) {
      for (const element of page.querySelectorAll(selector)) {
        for (const [name, value] of Object.entries(attributes)) {
          if (!element.hasAttribute(name)) element.setAttribute(name, value)
        }
      }
    }
    // A field inside `textarea` is what a screen reader stops at; the name stands on the wrapper.
    for (const wrapper of page.querySelectorAll('uni-textarea[aria-label]')) {
      wrapper.querySelector('textarea')?.setAttribute('aria-label', wrapper.getAttribute('aria-label')!)
    }
    for (const wrapper of page.querySelectorAll('uni-input[aria-label]')) {
      wrapper.querySelector('input')?.setAttribute('aria-label', wrapper.getAttribute('aria-label')!)
    }
  }
  new MutationObserver(complete).observe(page, { childList: true, subtree: true })

  page.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    const target = event.target as HTMLElement | null
    if (target === null || !target.matches(PRESSED_LIKE_A_BUTTON)) return
    event.preventDefault()
    target.click()
  })
}
