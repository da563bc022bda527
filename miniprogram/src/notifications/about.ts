const PAGES: Record<string, string> = {
  objection: '/pages/objections/detail?id=',
  record: '/pages/records/detail?id=',
}

/** Where a message leads, by what it is about (`kind:id`); null when there is no page for it. */
export function pageAbout(about: string | null): string | null {
  const [kind, id] = (about ?? '').split(/:(.*)/s)
  const page = PAGES[kind ?? '']
  return page === undefined || !id ? null : page + encodeURIComponent(id)
}
