import { withSubject } from '../platform/navigation'

const PAGES: Record<string, string> = {
  objection: '/pages/objections/detail?id=',
  record: '/pages/records/detail?id=',
  repair: '/pages/repairs/detail?id=',
  commitment: '/pages/commitments/detail?id=',
  deletion_request: '/pages/deletion/deletion?id=',
}

/** Matters that are shown on a page for all of their kind. */
const LISTS: Record<string, string> = {
  consent: '/pages/authorizations/list',
  referral: '/pages/loans/loans',
  supplement: '/pages/supplements/list',
  joint_incentive: '/pages/incentives/incentives',
  access_complaint: '/pages/ledger/list',
  merchant_complaint: '/pages/uses/list',
  ledger: '/pages/ledger/list',
}

/**
 * Where a message leads, by what it is about (`kind:id`, or `kind` alone) and whose it is; null when there is no page
 * for it.
 */
export function pageAbout(about: string | null, enterprise: string | null = null): string | null {
  const [kind = '', id] = (about ?? '').split(/:(.*)/s)
  const list = LISTS[kind]
  if (list !== undefined) return withSubject(list, enterprise)
  const page = PAGES[kind]
  return page === undefined || !id ? null : withSubject(page + encodeURIComponent(id), enterprise)
}
