/** What an officer writes in the corrections form, and what of it is sent: only what differs from the record. */
import type { Corrections } from '../api/types'

/** The parts of a record that may be corrected, as both the office and a department see them. */
export interface Correctable {
  title: string
  event_on: string
  ended_on: string | null
  performed_on: string | null
  quantity: number
  amount: number
  level: number
  content: Record<string, unknown>
}

export interface Written {
  title: string
  event_on: string
  ended_on: string
  performed_on: string
  quantity: string
  amount: string
  level: number
  content: Record<string, string>
}

/** 1050 → "10.5"; hundredths of a unit, or cents. */
export function fromHundredths(value: number): string {
  return String(value / 100)
}

/** "10.5" → 1050; undefined for what is no number with at most two decimals. */
export function toHundredths(text: string): number | undefined {
  const match = /^(\d{1,12})(?:\.(\d{1,2}))?$/.exec(text.trim())
  if (!match) return undefined
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

export function asWritten(record: Correctable): Written {
  return {
    title: record.title,
    event_on: record.event_on,
    ended_on: record.ended_on ?? '',
    performed_on: record.performed_on ?? '',
    quantity: fromHundredths(record.quantity),
    amount: fromHundredths(record.amount),
    level: record.level,
    content: Object.fromEntries(Object.entries(record.content).map(([name, value]) => [name, String(value ?? '')])),
  }
}

/** What differs; `complaint` says why it cannot be sent. */
export function correctionsFrom(
  record: Correctable,
  written: Written,
): { corrections: Corrections; complaint: string | undefined } {
  const corrections: Corrections = {}
  const before = asWritten(record)
  const quantity = toHundredths(written.quantity)
  const amount = toHundredths(written.amount)
  if (quantity === undefined || amount === undefined) {
    return { corrections, complaint: '数量和金额请写数字，最多两位小数' }
  }
  if (!written.title.trim() || !written.event_on) return { corrections, complaint: '事项和发生日期不能为空' }
  if (written.title.trim() !== before.title) corrections.title = written.title.trim()
  if (written.event_on !== before.event_on) corrections.event_on = written.event_on
  if (written.ended_on !== before.ended_on) corrections.ended_on = written.ended_on || null
  if (written.performed_on !== before.performed_on) corrections.performed_on = written.performed_on || null
  if (quantity !== record.quantity) corrections.quantity = quantity
  if (amount !== record.amount) corrections.amount = amount
  if (written.level !== record.level) corrections.level = written.level
  if (Object.entries(written.content).some(([name, value]) => value !== before.content[name])) {
    corrections.content = { ...written.content }
  }
  return { corrections, complaint: undefined }
}

const NAMES: Record<string, string> = {
  title: '事项',
  event_on: '发生日期',
  ended_on: '终止日期',
  performed_on: '履行日期',
  quantity: '数量',
  amount: '金额',
  level: '级别',
  content: '报送内容',
}

/** Corrections as a person reads them: `[名称, 值]`. */
export function correctionLines(corrections: Record<string, unknown>, levels: readonly string[]): [string, string][] {
  return Object.entries(corrections).map(([name, value]) => {
    if (name === 'quantity') return [NAMES[name]!, fromHundredths(Number(value))]
    if (name === 'amount') return [NAMES[name]!, `${fromHundredths(Number(value))} 元`]
    if (name === 'level') return [NAMES[name]!, levels[Number(value) - 1] ?? '无']
    if (name === 'content') return [NAMES[name]!, Object.entries(value as object).map((pair) => pair.join('：')).join('；')]
    return [NAMES[name] ?? name, value === null ? '（没有）' : String(value)]
  })
}
