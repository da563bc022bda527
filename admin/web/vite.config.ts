import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import vue from '@vitejs/plugin-vue'
import type { Plugin } from 'vite'
import { defineConfig } from 'vitest/config'

const swaggerUi = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'))

/** Puts the pages that browse the OpenAPI document into dist/docs, with every asset they need beside them. */
function apiDocs(): Plugin {
  const files = [
    ...['index.html', 'start.js', 'page.css'].map((name) => join(import.meta.dirname, 'api-docs', name)),
    ...['swagger-ui.css', 'swagger-ui-bundle.js', 'swagger-ui-bundle.js.LICENSE.txt', 'LICENSE', 'NOTICE'].map(
      (name) => join(swaggerUi, name),
    ),
  ]
  return {
    name: 'api-docs',
    apply: 'build',
    generateBundle() {
      for (const file of files) {
        this.emitFile({ type: 'asset', fileName: `docs/${file.split(/[\\/]/).pop()}`, source: readFileSync(file) })
      }
    },
  }
}

export default defineConfig({
  base: '/admin/',
  plugins: [vue(), apiDocs()],
  build: {
    // The server's Content-Security-Policy allows files of its own only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // ECharts alone is 550 kB; it is a chunk of its own that only the overview loads.
    chunkSizeWarningLimit: 1000,
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8000' } },
  test: { environment: 'jsdom', include: ['src/**/*.test.ts'], server: { deps: { inline: ['element-plus'] } } },
})
