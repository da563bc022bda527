import { computed, ref, type ComputedRef, type Ref } from 'vue'

import { useLoad, type Loaded } from './useLoad'

interface Page<T> {
  items: T[]
  next_cursor: string | null
}

export interface Pages<T> extends Loaded<Page<T>> {
  items: ComputedRef<T[]>
  number: Ref<number>
  hasNext: ComputedRef<boolean>
  next: () => Promise<void>
  previous: () => Promise<void>
  first: () => Promise<void>
}

/** Walks a list that the server hands out by cursor; the cursors passed are the way back. */
export function usePages<T>(fetchPage: (cursor: string | undefined) => Promise<Page<T>>): Pages<T> {
  const passed = ref<(string | undefined)[]>([undefined])
  const number = computed(() => passed.value.length)
  const loaded = useLoad(() => fetchPage(passed.value[passed.value.length - 1]))

  return {
    ...loaded,
    items: computed(() => loaded.data.value?.items ?? []),
    number,
    hasNext: computed(() => Boolean(loaded.data.value?.next_cursor)),
    async next() {
      const cursor = loaded.data.value?.next_cursor
      if (!cursor) return
      passed.value.push(cursor)
      await loaded.reload()
    },
    async previous() {
      if (passed.value.length > 1) passed.value.pop()
      await loaded.reload()
    },
    async first() {
      passed.value = [undefined]
      await loaded.reload()
    },
  }
}
