/** What a partner's page does: one action at a time, asked once more where it takes something away. */
import { ElMessage, ElMessageBox } from 'element-plus'
import { ref } from 'vue'

import { asProblem } from '../common/useLoad'

export function useActing(afterwards: () => Promise<unknown>) {
  const busy = ref(false)

  async function act(call: () => Promise<unknown>, done: string, sure?: string): Promise<void> {
    if (sure) {
      try {
        await ElMessageBox.confirm(sure, '请确认', { confirmButtonText: '确认', cancelButtonText: '再看看' })
      } catch {
        return
      }
    }
    busy.value = true
    try {
      await call()
      ElMessage.success(done)
      await afterwards()
    } catch (error) {
      ElMessage.error({ message: asProblem(error).detail, duration: 8000, showClose: true })
    }
    busy.value = false
  }

  return { busy, act }
}

/** A line of text from the officer, or undefined when they think better of it. */
export async function askFor(what: string, shortest = 1): Promise<string | undefined> {
  try {
    const { value } = await ElMessageBox.prompt(what, '请填写', {
      confirmButtonText: '确认',
      cancelButtonText: '取消',
      inputValidator: (text) => (text ?? '').trim().length >= shortest || `请至少写 ${shortest} 个字`,
    })
    return value?.trim() || undefined
  } catch {
    return undefined
  }
}
