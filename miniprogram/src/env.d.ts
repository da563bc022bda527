/// <reference types="vite/client" />

/** The paths in `pages.json`, told by the build. */
declare const DECLARED_PAGES: string[]

interface ImportMetaEnv {
  readonly VITE_API_ORIGIN?: string
}

declare module '*.vue' {
  import type { DefineComponent } from 'vue'
  const component: DefineComponent<object, object, unknown>
  export default component
}
