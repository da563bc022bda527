import { demoSignIn } from './demo'
import type { SignInAdapter } from './port'

const ADAPTERS: readonly SignInAdapter[] = [demoSignIn]

/** The client's half of the adapter that the server runs, or null when this build has none. */
export function adapterNamed(name: string): SignInAdapter | null {
  return ADAPTERS.find((adapter) => adapter.name === name) ?? null
}
