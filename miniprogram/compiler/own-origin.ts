import type { Plugin } from 'vite'

/** Addresses of the framework's maker: a shadow image preloaded on every page, and an advertising service. */
const FRAMEWORK_HOSTS = /https:\/\/[\w.-]+\.dcloud\.net\.cn\/[\w./-]*/g

/**
 * The page of a citizen's credit score asks no one but its own server for anything. What the framework would fetch
 * from elsewhere is replaced by an empty data URI.
 */
export function ownOriginOnly(): Plugin {
  return {
    name: 'own-origin-only',
    apply: 'build',
    enforce: 'post',
    generateBundle: {
      order: 'post',
      handler(_options, bundle) {
        for (const file of Object.values(bundle)) {
          if (file.type === 'chunk') file.code = file.code.replace(FRAMEWORK_HOSTS, 'data:,')
          else if (typeof file.source === 'string') file.source = file.source.replace(FRAMEWORK_HOSTS, 'data:,')
        }
      },
    },
  }
}
