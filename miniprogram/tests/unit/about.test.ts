import { describe, expect, it } from 'vitest'

import pages from '../../src/pages.json'
import { pageAbout } from '../../src/notifications/about'

const ABOUT = [
  'objection:3f',
  'record:12',
  'repair:3f',
  'commitment:3f',
  'deletion_request:3f',
  'consent:3f',
  'supplement:3f',
  'joint_incentive:3f',
  'access_complaint:3f',
  'merchant_complaint:3f',
  'referral:3f',
  'ledger',
]

describe('where a message leads', () => {
  it.each(ABOUT)('%s leads to a page that there is', (about) => {
    const path = pageAbout(about)?.slice(1).split('?')[0]
    expect(pages.pages.map((page) => page.path)).toContain(path)
  })

  it('names the case where the page is about one', () => {
    expect(pageAbout('deletion_request:3f')).toBe('/pages/deletion/deletion?id=3f')
  })

  it('opens what concerns an enterprise as that enterprise', () => {
    expect(pageAbout('record:12', '91A')).toBe('/pages/records/detail?id=12&enterprise=91A')
    expect(pageAbout('supplement:3f', '91A')).toBe('/pages/supplements/list?enterprise=91A')
  })

  it.each([null, '', 'unknown:1', 'objection:', 'objection'])('%s leads nowhere', (about) => {
    expect(pageAbout(about)).toBeNull()
  })
})
