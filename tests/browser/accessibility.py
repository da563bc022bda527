"""What keeps somebody from using a page, as axe sees it."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

BARRIERS = {"serious", "critical"}


def barriers(page: Page, *, within: str | None = None) -> list[str]:
    """Rule and place of each, on the whole page or within what the selector finds. What fades in or out is paler,
    or nearer, than anybody will find it: that is waited for first.
    """
    page.wait_for_load_state("networkidle")
    page.evaluate(
        """() => new Promise(requestAnimationFrame).then(() => Promise.allSettled(
          document.getAnimations()
            .filter((each) => each.effect.getComputedTiming().iterations !== Infinity)
            .map((each) => each.finished)))"""
    )
    found = Axe().run(page, within, {"resultTypes": ["violations"]}).response["violations"]
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found
        if each["impact"] in BARRIERS
        for node in each["nodes"]
    ]
