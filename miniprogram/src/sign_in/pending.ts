/** A page that somebody was sent to before they had signed in; they come back to it once they have. */
const STORAGE_KEY = 'osmanthus.after-sign-in'

export function keepForAfterSignIn(url: string): void {
  uni.setStorageSync(STORAGE_KEY, url)
}

export function takePageAfterSignIn(): string | null {
  const url = (uni.getStorageSync(STORAGE_KEY) as string) || null
  uni.removeStorageSync(STORAGE_KEY)
  return url
}
