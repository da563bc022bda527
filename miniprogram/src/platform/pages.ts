import { computed, ref, shallowRef } from 'vue'

import { asProblem, type Problem } from '../api/problem'
import type { Page } from '../api/types'

/** A list that the server hands out page by page, in the server's order. */
export function usePages<T>(fetchPage: (cursor: string | null) => Promise<Page<T>>) {
  const items = shallowRef<T[]>([])
  const cursor = ref<string | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loaded = ref(false)
  const loading = ref(false)
  let latest = 0

  async function fetchFrom(start: string | null): Promise<void> {
    const mine = (latest += 1)
    loading.value = true
    try {
      const page = await fetchPage(start)
      if (mine !== latest) return
      items.value = start === null ? page.items : [...items.value, ...page.items]
      cursor.value = page.next_cursor
      problem.value = null
      loaded.value = true
    } catch (error) {
      if (mine !== latest) return
      problem.value = asProblem(error)
    }
    loading.value = false
  }

  return {
    items,
    problem,
    loaded,
    loading,
    more: computed(() => cursor.value !== null),
    reload: () => fetchFrom(null),
    async loadMore() {
      if (cursor.value !== null && !loading.value) await fetchFrom(cursor.value)
    },
  }
}
