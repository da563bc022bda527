import { createSSRApp } from 'vue'

import App from './App.vue'
// #ifdef H5
import { makeAccessible } from './platform/browser-access'

makeAccessible(document)
// #endif

/** uni-app's entry point; the name is its own, nothing is rendered on a server. */
export function createApp() {
  return { app: createSSRApp(App) }
}
