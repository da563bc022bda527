import { ref, shallowRef } from 'vue'

import { asProblem, type Problem } from '../api/problem'

/**
 * One thing a page loads: its data, or why there is none.
 *
 * A reload keeps what is shown until the new answer is there. Of two overlapping loads the later one counts.
 */
export function useLoad<T>(load: () => Promise<T>) {
  const data = shallowRef<T | null>(null)
  const problem = shallowRef<Problem | null>(null)
  const loading = ref(false)
  let latest = 0

  async function reload(): Promise<void> {
    const mine = (latest += 1)
    loading.value = true
    try {
      const loaded = await load()
      if (mine !== latest) return
      data.value = loaded
      problem.value = null
    } catch (error) {
      if (mine !== latest) return
      problem.value = asProblem(error)
    }
    loading.value = false
  }

  return { data, problem, loading, reload }
}
