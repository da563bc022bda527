import type { Benefit, Benefits, Terms, UnmetCondition } from '../api/types'
import { withSubject } from '../platform/navigation'

/** The benefit of that scheme, for the citizen themselves or for the enterprise of that code. */
export function findBenefit(benefits: Benefits, scheme: string, enterprise: string | null): Benefit | null {
  const all = [...benefits.eligible, ...benefits.nearly, ...benefits.not_eligible]
  return all.find((one) => one.code === scheme && (one.enterprise?.public_code ?? null) === enterprise) ?? null
}

/** What the address of a page about this benefit carries. */
export function benefitQuery({ code, enterprise }: Pick<Benefit, 'code' | 'enterprise'>): string {
  const forWhom = enterprise === null ? '' : `&enterprise=${encodeURIComponent(enterprise.public_code)}`
  return `code=${encodeURIComponent(code)}${forWhom}`
}

/** Where the wish for a loan is sent to a bank. */
export function loanUrl({ code, name, enterprise }: Pick<Benefit, 'code' | 'name' | 'enterprise'>): string {
  const url = `/pages/loans/loans?scheme=${encodeURIComponent(code)}&name=${encodeURIComponent(name)}`
  return withSubject(url, enterprise?.public_code ?? null)
}

/** A benefit of one scheme can stand there once for each enterprise. */
export function benefitKey({ code, enterprise }: Pick<Benefit, 'code' | 'enterprise'>): string {
  return `${code}/${enterprise?.public_code ?? ''}`
}

/** A tier's terms as lines to read: what it comes to, then the fine points. */
export function termsLines(terms: Terms): string[] {
  return [terms.summary, ...(terms.details ?? [])]
}

/** Used-up quota and budget are counted, not judged; and opening one's score is one's own step. */
export const decidedByRules = (unmet: UnmetCondition): boolean =>
  !['quota', 'budget', 'consent.activated'].includes(unmet.fact)

/** Where a human is asked to look at a refusal. */
export function appealUrl(benefit: Benefit): string {
  const acting = benefit.enterprise ? `&enterprise=${encodeURIComponent(benefit.enterprise.public_code)}` : ''
  return `/pages/objections/file?kind=benefit&scheme=${encodeURIComponent(benefit.code)}&name=${encodeURIComponent(benefit.name)}${acting}`
}
