// Elements, icons, times: what every part of the page builds with. Text only ever goes in as text.

const SVG = "http://www.w3.org/2000/svg";

const ICONS = {
  menu: "M4 7h16M4 12h16M4 17h16",
  close: "M6 6l12 12M18 6L6 18",
  send: "M4 12l16-8-6 16-3-7-7-1z",
  theme: "M12 3v2M12 19v2M3 12h2M19 12h2M5.6 5.6L7 7M17 17l1.4 1.4M5.6 18.4L7 17M17 7l1.4-1.4M12 8a4 4 0 100 8 4 4 0 000-8z",
  lock: "M7 11V8a5 5 0 0110 0v3M6 11h12v9H6z",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.5a2.5 2.5 0 100 5 2.5 2.5 0 000-5z",
  reply: "M20 12a8 8 0 01-11.6 7.1L4 20l1-4.2A8 8 0 1120 12z",
  warn: "M12 4l9 16H3zM12 10v4M12 17v.5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  chevron: "M9 6l6 6-6 6",
  more: "M5.5 12h.01M12 12h.01M18.5 12h.01",
  bolt: "M13 3L5 14h6l-1 7 8-11h-6z",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  external: "M14 5h5v5M19 5l-8 8M11 6H5v13h13v-6",
};

export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "class") element.className = value;
    else if (key === "on") for (const [name, run] of Object.entries(value)) element.addEventListener(name, run);
    else if (key in element && typeof value !== "string") element[key] = value;
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", ICONS[name]);
  svg.append(path);
  return svg;
}

export function initials(name) {
  const words = name.trim().split(/[\s-]+/);
  return (words[0][0] + (words.length > 1 ? words[words.length - 1][0] : "")).toUpperCase();
}

export function avatar(user, size = "") {
  const node = h("span", { class: `avatar ${size}`, "aria-hidden": "true" });
  if (user.is_bot) {
    node.classList.add("is-app");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", "0 0 32 32");
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", "M9 16.5l4.6 4.6L23.5 11");
    svg.append(path);
    node.append(svg);
  } else {
    node.textContent = initials(nameOf(user));
  }
  // Set through the object model: the page's policy forbids style attributes.
  if (user.color) node.style.backgroundColor = `#${user.color}`;
  return node;
}

export function nameOf(user) {
  return user.profile?.real_name || user.real_name || user.name;
}

const clockFormat = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const dayFormat = new Intl.DateTimeFormat("en-GB", { weekday: "long", day: "numeric", month: "long" });
const fullFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

export const timeOf = (ts) => clockFormat.format(new Date(Number(ts) * 1000));
export const fullTimeOf = (ts) => fullFormat.format(new Date(Number(ts) * 1000));

export function dayOf(ts, now) {
  const day = dayFormat.format(new Date(Number(ts) * 1000));
  return day === dayFormat.format(new Date(now * 1000)) ? "Today" : day;
}

// Slack's date tokens, as in <!date^1700000000^{date_short} at {time}|fallback>.
export function slackDate(seconds, format) {
  const date = new Date(Number(seconds) * 1000);
  const as = (options) => new Intl.DateTimeFormat("en-GB", options).format(date);
  const tokens = {
    date_num: () => as({ year: "numeric", month: "2-digit", day: "2-digit" }),
    date: () => as({ year: "numeric", month: "long", day: "numeric" }),
    date_short: () => as({ year: "numeric", month: "short", day: "numeric" }),
    date_long: () => as({ weekday: "long", year: "numeric", month: "long", day: "numeric" }),
    time: () => as({ hour: "2-digit", minute: "2-digit" }),
    time_secs: () => as({ hour: "2-digit", minute: "2-digit", second: "2-digit" }),
    ago: () => ago(Number(seconds), Date.now() / 1000),
  };
  for (const name of ["date", "date_short", "date_long"]) tokens[`${name}_pretty`] = tokens[name];
  return format.replace(/\{(\w+)\}/g, (whole, name) => (tokens[name] ? tokens[name]() : whole));
}

export function ago(then, now) {
  const seconds = Math.round(now - then);
  const units = [["day", 86400], ["hour", 3600], ["minute", 60]];
  for (const [unit, size] of units) {
    const count = Math.floor(Math.abs(seconds) / size);
    if (count) return seconds < 0 ? `in ${count} ${unit}${count > 1 ? "s" : ""}` : `${count} ${unit}${count > 1 ? "s" : ""} ago`;
  }
  return seconds < 0 ? "in a moment" : "just now";
}

// Keeps nodes whose signature has not changed, so that focus, scroll and typing survive updates.
export function reconcile(container, items, keyOf, signatureOf, build) {
  const old = new Map([...container.children].map((node) => [node.dataset.key, node]));
  const nodes = items.map((item) => {
    const key = keyOf(item);
    const signature = signatureOf(item);
    const kept = old.get(key);
    if (kept && kept._signature === signature) return kept;
    const node = build(item);
    node.dataset.key = key;
    node._signature = signature;
    return node;
  });
  const focus = focusMark(container);
  nodes.forEach((node, index) => {
    if (container.children[index] !== node) container.insertBefore(node, container.children[index] || null);
  });
  while (container.children.length > nodes.length) container.lastElementChild.remove();
  restoreFocus(container, focus);
}

export function focusMark(container) {
  const active = document.activeElement;
  if (!container.contains(active) || !active.id) return null;
  return { id: active.id, start: active.selectionStart, end: active.selectionEnd };
}

export function restoreFocus(container, mark) {
  if (!mark || document.activeElement?.id === mark.id) return;
  const node = document.getElementById(mark.id);
  if (!node || !container.contains(node)) return;
  node.focus({ preventScroll: true });
  if (mark.start !== undefined && mark.start !== null && node.setSelectionRange) {
    try { node.setSelectionRange(mark.start, mark.end); } catch { /* not a text field */ }
  }
}
