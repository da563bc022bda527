/** The numbers in a pasted list: one to a line, or parted by blanks, commas and semicolons of either width. */
export function numbersIn(written: string): string[] {
  return written.split(/[\s,，;；、]+/).filter(Boolean)
}
