"""Looks at a page as a person would: what is cut off, unnamed, unreadable or out of reach."""

from __future__ import annotations

from typing import Any, Final

from tests.support.browser import Page

__all__ = ["faults_seen", "tabbed_through"]

_BEFORE: Final = r"""
const dialog = document.querySelector("dialog[open]");
const root = dialog || document.body;
const shown = (node) => node.checkVisibility({opacityProperty: true, visibilityProperty: true})
  && !node.closest("[inert]");
const name = (node) => node.getAttribute("aria-label")?.trim() || node.textContent.trim()
  || [...(node.labels || [])].map((one) => one.textContent.trim()).join(" ");
const told = (node) => `${node.tagName} ${node.dataset?.testid || node.id || node.className}`
  + ` ${node.textContent.trim().slice(0, 40)}`;
const CONTROLS = "button, a[href], summary, select, input, textarea";
"""

_LOOK: Final = (
    "(() => {"
    + _BEFORE
    + r"""
const found = [];
if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
for (const node of root.querySelectorAll("*")) {
  if (!shown(node)) continue;
  const style = getComputedStyle(node);
  const wide = node.scrollWidth > node.clientWidth + 1 && node.clientWidth;
  if (wide && ["auto", "scroll"].includes(style.overflowX)) found.push(`sideways: ${told(node)}`);
  const cut = wide && style.overflowX === "hidden" && style.textOverflow !== "ellipsis";
  if (cut && !node.matches(".sr, .skip")) found.push(`cut off: ${told(node)}`);
}
for (const node of root.querySelectorAll(CONTROLS)) {
  if (!shown(node) || node.matches(".skip")) continue;
  const box = node.getBoundingClientRect();
  if (box.left < 0 || box.right > innerWidth + 1) found.push(`off the screen: ${told(node)}`);
  if (!box.width || !box.height) found.push(`of no size: ${told(node)}`);
  if (!name(node)) found.push(`without a name: ${told(node)}`);
  const visible = node.innerText?.trim();
  const bare = (text) => text.replace(/\s+/g, "");
  const field = node.matches("input, textarea, select");
  if (!field && visible && !bare(name(node)).includes(bare(visible)))
    found.push(`named otherwise than it reads: ${told(node)}`);
  if (node.dataset.actionId && node.matches("button") && !visible)
    found.push(`without a visible name: ${told(node)}`);
}
const brush = Object.assign(document.createElement("canvas"), {width: 1, height: 1})
  .getContext("2d", {willReadFrequently: true});
const parsed = new Map();
const rgba = (colour) => {
  if (!parsed.has(colour)) {
    brush.clearRect(0, 0, 1, 1);
    brush.fillStyle = colour;
    brush.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = brush.getImageData(0, 0, 1, 1).data;
    parsed.set(colour, [r, g, b, a / 255]);
  }
  return parsed.get(colour);
};
const over = (top, below, alpha) =>
  top.slice(0, 3).map((x, i) => x * alpha + below[i] * (1 - alpha));
const behind = (node) => {
  const layers = [];
  for (let at = node; at; at = at.parentElement) {
    const colour = rgba(getComputedStyle(at).backgroundColor);
    layers.push(colour);
    if (colour[3] === 1) break;
  }
  return layers.reduceRight((below, top) => over(top, below, top[3]), [255, 255, 255]);
};
const light = (colour) => {
  const [r, g, b] = colour.map((x) => x / 255)
    .map((x) => (x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const seen = new Set();
const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
for (let text = walk.nextNode(); text; text = walk.nextNode()) {
  const node = text.parentElement;
  if (!/[\p{L}\p{N}]/u.test(text.data) || seen.has(node) || !shown(node)) continue;
  seen.add(node);
  if (node.closest(":disabled, [aria-hidden=true], .sr, .is-pending, script, style")) continue;
  const style = getComputedStyle(node);
  const ground = behind(node);
  const ink = rgba(style.color);
  let alpha = ink[3];
  for (let at = node; at; at = at.parentElement) alpha *= Number(getComputedStyle(at).opacity);
  const [high, low] = [light(over(ink, ground, alpha)), light(ground)].sort((a, b) => b - a);
  const size = parseFloat(style.fontSize);
  const big = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < (big ? 3 : 4.5)) found.push(`hard to read (${ratio.toFixed(1)}): ${told(node)}`);
}
return found;
})()"""
)

_MARK: Final = (
    "(() => {"
    + _BEFORE
    + r"""
window.stops = [...root.querySelectorAll("button, a[href], summary")].filter((node) =>
  node.checkVisibility({visibilityProperty: true}) && !node.closest("[inert]") && !node.disabled
  && !node.closest("details:not([open]) > ul"));
return window.stops.length;
})()"""
)

_STOP: Final = (
    "(() => {"
    + _BEFORE
    + r"""
const node = document.activeElement;
if (!node || node === document.body) return null;
const box = node.getBoundingClientRect();
const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
const style = getComputedStyle(node);
const ring = style.outlineStyle !== "none" || node.matches("textarea");
return {
  at: window.stops.indexOf(node), told: told(node),
  hidden: !shown(node) || !top || !(node.contains(top) || top.contains(node)), ring,
};
})()"""
)


_STILL: Final = (
    'document.getAnimations().every((one) => one.playState !== "running"'
    " || one.effect.getComputedTiming().endTime === Infinity)"
)


async def faults_seen(page: Page) -> list[str]:
    """Return what a person would complain about in what is before them now.

    That is: something to scroll sideways; a control without a name, off the screen, or of which
    the visible words are not in the name; text with less contrast than WCAG 2.2 AA asks (1.4.3).
    """
    # What slides in is looked at when it is there.
    await page.until(_STILL)
    found: list[str] = await page.value(_LOOK)
    return found


async def tabbed_through(page: Page) -> list[str]:
    """Go through the page with the Tab key alone; return what went wrong.

    That is: a button or link which the key does not reach, a stop that is out of sight, or one
    that does not show that it has the focus.
    """
    count: int = await page.value(_MARK)
    reached: dict[int, dict[str, Any]] = {}
    wrong: list[str] = []
    for _ in range(2 * count + 20):
        await page.press("Tab")
        stop = await page.value(_STOP)
        if stop is None or stop["at"] in reached:
            if len(reached) == count:
                break
            continue
        if stop["at"] >= 0:
            reached[stop["at"]] = stop
        if stop["hidden"]:
            wrong.append(f"out of sight: {stop['told']}")
        if not stop["ring"]:
            wrong.append(f"shows no focus: {stop['told']}")
    missed = await page.value(
        f"window.stops.filter((_, at) => !{sorted(reached)}.includes(at))"
        ".map((node) => node.dataset.testid || node.id || node.className)"
    )
    return wrong + [f"not reached: {each}" for each in missed]
