/** Laying quarantined rows of different templates out as tables, and preparing their corrections. */
import type { QuarantinedRow, ReasonCount, RowReason } from '../api/types'
import { reasonName } from '../common/words'

export interface RowGroup {
  key: string
  filename: string
  templateName: string
  /** Columns with a faulty cell in this group first, then the others, each in the order they were delivered. */
  columns: string[]
  rows: QuarantinedRow[]
}

/** Rows of one file follow each other; each file gets a table with its own columns. */
export function groupByFile(rows: readonly QuarantinedRow[]): RowGroup[] {
  const groups = new Map<string, QuarantinedRow[]>()
  for (const row of rows) {
    const key = `${row.delivery_id} ${row.template}`
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups].map(([key, members]) => {
    const delivered = new Set(members.flatMap((row) => Object.keys(row.row)))
    const faulty = new Set(members.flatMap((row) => faultyColumns(row)))
    const first = members[0] as QuarantinedRow
    return {
      key,
      filename: first.filename,
      templateName: first.template_name,
      columns: [...new Set([...faulty, ...delivered])],
      rows: members,
    }
  })
}

/** Columns with something wrong, without those reasons that concern the whole row. */
export function faultyColumns(row: Pick<QuarantinedRow, 'reasons'>): string[] {
  return [...new Set(row.reasons.map((reason) => reason.column).filter(Boolean))]
}

export function reasonsOf(row: Pick<QuarantinedRow, 'reasons'>, column: string): RowReason[] {
  return row.reasons.filter((reason) => reason.column === column)
}

/** Reasons that no single cell can be blamed for. */
export function reasonsOfTheWholeRow(row: Pick<QuarantinedRow, 'reasons'>): RowReason[] {
  return reasonsOf(row, '')
}

export interface ReasonBar {
  code: string
  name: string
  count: number
  columns: string[]
}

/** One bar per kind of fault, most frequent first; the server counts each column on its own. */
export function reasonBars(counts: readonly ReasonCount[]): ReasonBar[] {
  const bars = new Map<string, ReasonBar>()
  for (const { code, column, message, count } of counts) {
    const bar = bars.get(code) ?? { code, name: reasonName(code, message), count: 0, columns: [] }
    bar.count += count
    if (column) bar.columns.push(column)
    bars.set(code, bar)
  }
  return [...bars.values()].sort((a, b) => b.count - a.count)
}

/** Only what was really written in: an empty box leaves the delivered value as it is. */
export function correctionsFrom(written: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(written)
      .map(([column, value]) => [column, value.trim()] as const)
      .filter(([, value]) => value !== ''),
  )
}
