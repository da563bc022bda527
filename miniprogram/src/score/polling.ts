/** Pauses between two questions whether the new score is there: brisk at first, then sparing of the server. */
const BRISK_MS = 1_500
const SPARING_MS = 10_000
const BRISK_POLLS = 20

/** How long to wait before the next poll, after `polls` polls already made; in milliseconds. */
export function pollDelay(polls: number): number {
  return polls < BRISK_POLLS ? BRISK_MS : SPARING_MS
}
