import { expect, test } from 'vitest'

import { Problem } from '../api/problem'
import { usePages } from './usePages'

const PAGES: Record<string, { items: string[]; next_cursor: string | null }> = {
  start: { items: ['a', 'b'], next_cursor: 'c2' },
  c2: { items: ['c', 'd'], next_cursor: 'c3' },
  c3: { items: ['e'], next_cursor: null },
}

test('walking to the end and back shows each page as it was', async () => {
  const pages = usePages((cursor) => Promise.resolve(PAGES[cursor ?? 'start']!))
  await pages.reload()
  await pages.next()
  await pages.next()
  expect([pages.number.value, pages.items.value, pages.hasNext.value]).toEqual([3, ['e'], false])

  await pages.previous()
  expect([pages.number.value, pages.items.value, pages.hasNext.value]).toEqual([2, ['c', 'd'], true])
})

test('a page that fails to load leaves the last one on screen, with the reason', async () => {
  let down = false
  const pages = usePages((cursor) =>
    down ? Promise.reject(new Problem(503, 'unavailable', '暂不可用')) : Promise.resolve(PAGES[cursor ?? 'start']!),
  )
  await pages.reload()
  down = true
  await pages.reload()
  expect(pages.items.value).toEqual(['a', 'b'])
  expect(pages.problem.value?.detail).toBe('暂不可用')
})

test('an answer overtaken by a later question is dropped', async () => {
  const waiting: ((page: { items: string[]; next_cursor: null }) => void)[] = []
  const pages = usePages<string>(() => new Promise((resolve) => waiting.push(resolve)))
  const slow = pages.first()
  const quick = pages.first()
  waiting[1]?.({ items: ['new'], next_cursor: null })
  await quick
  waiting[0]?.({ items: ['old'], next_cursor: null })
  await slow
  expect(pages.items.value).toEqual(['new'])
})
