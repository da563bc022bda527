/** What somebody writes into a browser's address bar, or follows from elsewhere, while the client is open or not. */

/** As much as is needed here of the framework's router in a browser. */
interface Router {
  beforeEach(guard: (to: { matched: unknown[] }) => { path: string; replace: boolean } | undefined): unknown
}

/** The framework shows nothing at an address that it has no page for, and only tells of the one it was started with. */
export function leadUnknownAddressesTo(page: string, router: Router): void {
  router.beforeEach((to) => (to.matched.length === 0 ? { path: page, replace: true } : undefined))
}

/** What the framework keeps of an open page in a browser. */
interface OpenPage {
  $page: { id: number; path: string; fullPath: string }
}

/**
 * The framework tells open pages apart by path and by a number that it counts up itself, not by the query: a written
 * address with another code would show the enterprise that is open already, under this one's address.
 */
export function startAnewAtOtherQueries(window: Window): void {
  window.addEventListener('popstate', ({ state }) => {
    const fullPath = window.location.hash.slice(1)
    const [path] = fullPath.split('?')
    const id = (state as { __id__?: number } | null)?.__id__ ?? 1
    const open = (getCurrentPages() as unknown as OpenPage[]).find(({ $page }) => $page.id === id && $page.path === path)
    if (open !== undefined && open.$page.fullPath !== fullPath) window.location.reload()
  })
}
