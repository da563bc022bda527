import { describe, expect, it } from 'vitest'

import { cityDate, cityTime, daysBetween, longDate, longMoment, shortDate, spokenDay, todayInCity } from '../../src/formatting/dates'

describe('dates', () => {
  it('puts a moment on the day it falls in the city, whatever the phone’s zone', () => {
    expect(cityDate('2026-11-04T16:00:00Z')).toBe('2026-11-05')
    expect(cityDate('2026-11-04T15:59:59Z')).toBe('2026-11-04')
    expect(cityTime('2026-11-04T16:00:00Z')).toBe('00:00')
    expect(todayInCity(Date.parse('2026-11-04T16:00:00Z'))).toBe('2026-11-05')
  })

  it('writes dates and moments in full', () => {
    expect(longDate('2026-03-05')).toBe('2026年3月5日')
    expect(shortDate('2026-03-05')).toBe('2026.03.05')
    expect(longMoment('2026-03-05T01:02:03Z')).toBe('2026年3月5日 09:02')
  })

  it('counts calendar days, also across months and backwards', () => {
    expect(daysBetween('2026-02-27', '2026-03-02')).toBe(3)
    expect(daysBetween('2026-03-02', '2026-02-27')).toBe(-3)
  })

  it('speaks of near days as people do', () => {
    expect(['2026-03-02', '2026-03-01', '2026-02-28'].map((day) => spokenDay(day, '2026-03-02'))).toEqual([
      '今天',
      '昨天',
      '2026年2月28日',
    ])
  })
})
