import type { SignedIn, SignInOptions } from '../api/types'

/** One person whom the demo adapter offers, or the one whom a real adapter identifies. */
export interface Identity {
  /** What is handed to the server: a demo credential, a WeChat login code, a city OIDC code. */
  credential: string
  label: string
  story: string
}

/**
 * The sign-in port (登录). The server says in its options which adapter it runs; the client holds the matching half.
 *
 * Nothing outside `sign_in/` knows which adapter is in use.
 */
export interface SignInAdapter {
  /** The name the server uses. */
  readonly name: string
  /** Told to the person before they choose: what this way of signing in is. */
  readonly explanation: string
  identities(options: SignInOptions): Identity[]
  signIn(credential: string): Promise<SignedIn>
}
