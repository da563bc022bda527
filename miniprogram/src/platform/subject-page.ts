import { onLoad, onPullDownRefresh, onShow } from '@dcloudio/uni-app'
import { ref } from 'vue'

import { useLoad } from './load'

/**
 * A page about the citizen or an enterprise they represent (`?enterprise=`): loaded when it is shown or pulled down,
 * and anew when another subject is chosen.
 */
export function useSubjectPage<T>(load: (enterprise: string | null) => Promise<T>) {
  const enterprise = ref<string | null>(null)
  const { data, problem, reload } = useLoad(() => load(enterprise.value))

  onLoad((query) => {
    enterprise.value = query?.enterprise ? String(query.enterprise) : null
  })
  onShow(reload)
  onPullDownRefresh(async () => {
    await reload()
    uni.stopPullDownRefresh()
  })

  function choose(chosen: string | null): void {
    enterprise.value = chosen
    data.value = null
    void reload()
  }

  return { enterprise, data, problem, reload, choose }
}
