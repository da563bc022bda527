/** Following a score run until it comes to an end. */
import { answer, api } from '../api/client'
import type { ScoreRun } from '../api/types'
import { asProblem } from '../common/useLoad'

export function isUnderWay(run: ScoreRun): boolean {
  return run.state === 'running' || run.state === 'staged'
}

export interface Watch {
  stop: () => void
}

/**
 * Asks for the run once a second; ten times more slowly after an answer that failed, because a server that is
 * restarting is not helped by questions. `onLost` is told that it failed, `onChange` of every state seen.
 */
export function watchRun(
  id: string,
  { onChange, onLost }: { onChange: (run: ScoreRun) => void; onLost: (sentence: string) => void },
): Watch {
  let stopped = false
  let timer: ReturnType<typeof setTimeout>

  async function look(): Promise<void> {
    let pause = 1_000
    try {
      const run = await answer(api.GET('/api/v1/admin/runs/{run_id}', { params: { path: { run_id: id } } }))
      if (stopped) return
      onChange(run)
      if (!isUnderWay(run)) return
    } catch (error) {
      if (stopped) return
      onLost(asProblem(error).detail)
      pause = 10_000
    }
    timer = setTimeout(() => void look(), pause)
  }

  timer = setTimeout(() => void look(), 500)
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}

/** Whole percent for the bar; 100 is kept for what is really finished. */
export function progressOf(run: ScoreRun): number {
  if (run.state === 'staged') return 99
  if (run.subjects_total <= 0) return 0
  return Math.min(99, Math.floor((run.subjects_done / run.subjects_total) * 100))
}
