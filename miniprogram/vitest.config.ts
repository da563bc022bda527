import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // The WeChat tests put a phone's globals (wx, App, getCurrentPages) into their process: one process per file.
    pool: 'forks',
    globalSetup: 'tests/weixin/build.ts',
  },
})
