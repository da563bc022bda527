import { ref } from 'vue'

import type { Page } from '../api/types'
import { say } from './navigation'
import { usePages } from './pages'

/** As the server has it. */
const SHORTEST = 2

/**
 * A list of enterprises and organisations that is looked through by name or code.
 *
 * `asked` is what the items shown were looked for by: empty for the whole list, where there is one (`wholeList`).
 */
export function useUnitSearch<T>(
  fetchPage: (text: string, cursor: string | null) => Promise<Page<T>>,
  { wholeList }: { wholeList: boolean },
) {
  const written = ref('')
  const asked = ref('')
  const { loaded, reload, ...pages } = usePages((cursor) => fetchPage(asked.value, cursor))

  async function search() {
    const text = written.value.trim()
    if (text.length < SHORTEST && !(wholeList && text === '')) {
      say('请至少写两个字')
      return
    }
    asked.value = text
    loaded.value = false
    await reload()
  }

  return { written, asked, search, loaded, reload, ...pages }
}
