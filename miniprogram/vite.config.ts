import { readFileSync } from 'node:fs'

import uni from '@dcloudio/vite-plugin-uni'
import { defineConfig } from 'vite'

import { ownOriginOnly } from './compiler/own-origin'
import { weixinRoles } from './compiler/weixin-roles'

const { pages } = JSON.parse(readFileSync(new URL('./src/pages.json', import.meta.url), 'utf8')) as {
  pages: { path: string }[]
}

export default defineConfig({
  define: { DECLARED_PAGES: JSON.stringify(pages.map(({ path }) => path)) },
  plugins: [
    uni({
      vueOptions: {
        template: {
          compilerOptions: {
            nodeTransforms: process.env.UNI_PLATFORM === 'mp-weixin' ? [weixinRoles] : [],
          },
        },
      },
    }),
    ownOriginOnly(),
  ],
})
