import uni from '@dcloudio/vite-plugin-uni'
import { defineConfig } from 'vite'

import { ownOriginOnly } from './compiler/own-origin'
import { weixinRoles } from './compiler/weixin-roles'

export default defineConfig({
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
