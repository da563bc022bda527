import type { Moment } from '../api/types'

/** Whole seconds that are surely left until a moment, never below zero. */
export function secondsLeft(until: Moment, nowMs: number): number {
  return Math.max(0, Math.floor((Date.parse(until) - nowMs) / 1000))
}

export function isDue(moment: Moment, nowMs: number): boolean {
  return nowMs >= Date.parse(moment)
}

/** A code in groups of four, to be read aloud or typed. */
export function groupedCode(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1 ')
}
