const OFFERED = [7, 30, 90, 180, 365]

/** Terms offered to a citizen, in days: never longer than was asked for, and never none. */
export function termsWithin(longest: number): number[] {
  const terms = OFFERED.filter((days) => days <= longest)
  return terms.length > 0 ? terms : [longest]
}
