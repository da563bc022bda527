/** The signed-in session on this phone: only the token, nothing about the person. */
const STORAGE_KEY = 'osmanthus.session'

let token: string | null | undefined

export function sessionToken(): string | null {
  if (token === undefined) token = (uni.getStorageSync(STORAGE_KEY) as string) || null
  return token
}

export function keepSession(newToken: string): void {
  token = newToken
  uni.setStorageSync(STORAGE_KEY, newToken)
}

export function forgetSession(): void {
  token = null
  uni.removeStorageSync(STORAGE_KEY)
}
