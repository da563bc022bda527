import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { describe, expect, it } from 'vitest'

import { BUILT } from './phone'

/** WeChat's limit for the main package. */
const LARGEST_PACKAGE = 2 * 1024 * 1024

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? filesUnder(join(folder, entry.name)) : [join(folder, entry.name)],
  )
}

const files = filesUnder(BUILT)
const templates = files.filter((file) => file.endsWith('.wxml')).map((file) => readFileSync(file, 'utf8'))

describe('what WeChat is given', () => {
  it('fits into one package', () => {
    expect(files.reduce((sum, file) => sum + statSync(file).size, 0)).toBeLessThan(LARGEST_PACKAGE)
  })

  it('names roles the way WeChat reads them', () => {
    expect(templates.some((template) => template.includes('aria-role="button"'))).toBe(true)
    for (const template of templates) expect(template).not.toMatch(/\s(role|tabindex)=/)
  })

  it('holds every page that the app declares', () => {
    const { pages } = JSON.parse(readFileSync(join(BUILT, 'app.json'), 'utf8')) as { pages: string[] }
    for (const page of pages) expect(files).toContain(join(BUILT, `${page}.wxml`))
  })
})
