// The page: who acts, which channel is open, and drawing what the sandbox's state says.

import { avatar, dayOf, h, icon, nameOf, reconcile } from "./dom.js";
import { Inspector } from "./inspector.js";
import { messageNode, messageSignature } from "./messages.js";
import { Modal } from "./modal.js";
import { renderBlocks } from "./blocks.js";
import { Place } from "./place.js";
import { Suggestions } from "./commands.js";
import { Store } from "./store.js";

const $ = (id) => document.getElementById(id);
const query = new URLSearchParams(location.search);
const HOME = "home";

const view = {
  me: query.get("as") || "U0ANA",
  channel: query.get("channel") || "C0APPROVALS",
  thread: query.get("thread"),
  goto: query.get("message"),
  seen: new Map(),
  dismissed: new Set(),
};

// What changes while a button is held down is drawn afterwards: a click on a node that was replaced
// between press and release would reach nobody.
const press = { down: false, waiting: false };

function drawChanges() {
  press.waiting = press.down;
  if (!press.down) draw();
}

function released() {
  press.down = false;
  if (press.waiting) drawChanges();
}

addEventListener("pointerdown", () => { press.down = true; }, { capture: true });
for (const end of ["pointerup", "pointercancel", "blur"]) {
  addEventListener(end, () => setTimeout(released), { capture: true });
}

const store = new Store(drawChanges, toast);
const inspector = new Inspector(store, (open) => {
  view.inspector = open;
  $("shell").classList.toggle("has-inspector", open);
  settle();
  if (narrow.matches) $(open ? "inspector-close" : "inspector-toggle").focus();
  remember();
});
const people = {
  user: (id) => store.user(id),
  users: () => store.users(),
  group: (id) => store.group(id),
  channel: (id) => store.channel(id),
  isMe: (id) => id === view.me,
};
const modal = new Modal({ store, people, dialog: $("modal"), me: () => view.me });

function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("is-shown");
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => $("toast").classList.remove("is-shown"), 5000);
}

function remember() {
  const next = new URLSearchParams({ channel: view.channel, as: view.me });
  if (view.thread) next.set("thread", view.thread);
  if (query.get("theme")) next.set("theme", query.get("theme"));
  if (view.inspector) next.set("inspector", "1");
  history.replaceState(null, "", `?${next}`);
}

// On a narrow screen one thing is in front; what it covers is out of the keyboard's reach.
const narrow = matchMedia("(max-width: 820px)");

function settle() {
  const menu = narrow.matches && $("shell").classList.contains("has-menu");
  const drawer = !$("inspector").hidden;
  $("main").inert = narrow.matches && (menu || drawer || !$("thread").hidden);
  $("thread").inert = narrow.matches && (menu || drawer);
  $("inspector").inert = menu;
}

function showMenu(open) {
  const was = $("shell").classList.contains("has-menu");
  $("shell").classList.toggle("has-menu", open);
  $("menu").setAttribute("aria-expanded", String(open));
  settle();
  if (open) $("side").querySelector("button").focus();
  else if (was && narrow.matches) $("menu").focus();
}

function closeThread() {
  const ts = view.thread;
  view.thread = null;
  remember();
  draw();
  document.querySelector(`#message-${CSS.escape(ts)} .replies`)?.focus();
}

function openChannel(id) {
  view.channel = id;
  view.thread = null;
  showMenu(false);
  if (id === HOME) store.act("home", { user: view.me }, "Opening the home");
  else if (store.channel(id)?.is_im) store.act("home", { user: view.me, tab: "messages" }, "Opening the messages");
  remember();
  draw({ bottom: true });
}

function actAs(id) {
  view.me = id;
  const visible = store.visibleChannels(id).map((channel) => channel.id);
  if (view.channel !== HOME && !visible.includes(view.channel)) {
    view.channel = visible[0] || HOME;
    view.thread = null;
  }
  showMenu(false);
  remember();
  draw({ bottom: true });
}

function openThread(ts) {
  view.thread = ts;
  remember();
  draw();
  $("thread-text").focus();
}

function lastTs(channel) {
  const feed = store.feed(view.me, channel);
  return feed.length ? Number(feed[feed.length - 1].ts) : 0;
}

const seenKey = (channel) => `${view.me}/${channel}`;
const isUnread = (channel) => lastTs(channel) > (view.seen.get(seenKey(channel)) || 0);

function drawChannels() {
  const visible = store.visibleChannels(view.me);
  const row = (channel) => {
    const current = channel.id === view.channel;
    const unread = !current && isUnread(channel.id);
    const partner = channel.is_im ? store.user(store.state.app.bot_user_id) : null;
    const sign = partner ? avatar(partner, "tiny") : channel.is_private ? icon("lock") : h("span", { class: "hash", "aria-hidden": "true" }, "#");
    return h("li", {}, h("button", {
      type: "button", id: `nav-${channel.id}`, "data-testid": `channel-${channel.id}`,
      class: `side-item${current ? " is-current" : ""}${unread ? " is-unread" : ""}${channel.is_archived ? " is-archived" : ""}`,
      "aria-current": current ? "page" : undefined,
      on: { click: () => openChannel(channel.id) },
    }, sign, h("span", { class: "side-name" }, partner ? partner.name : channel.name),
    unread && h("span", { class: "dot" }, h("span", { class: "sr" }, "unread"))));
  };
  const signature = (channel) => [channel.name, channel.is_private, channel.is_archived, channel.id === view.channel, isUnread(channel.id), view.me].join();
  const directs = visible.filter((channel) => channel.is_im || channel.is_mpim);
  const home = { id: HOME, name: `${store.state.app.name} home`, home: true };
  reconcile($("channels"), visible.filter((channel) => !directs.includes(channel)), (item) => item.id, signature, row);
  reconcile($("directs"), [...directs, home], (item) => item.id, signature, (channel) => channel.home ? homeRow(channel) : row(channel));
}

function homeRow(channel) {
  const current = view.channel === HOME;
  return h("li", {}, h("button", {
    type: "button", id: "nav-home", "data-testid": "channel-home",
    class: `side-item${current ? " is-current" : ""}`, "aria-current": current ? "page" : undefined,
    on: { click: () => openChannel(HOME) },
  }, icon("home"), h("span", { class: "side-name" }, channel.name)));
}

function roleOf(user) {
  if (user.deleted) return "deactivated";
  if (user.team_id !== store.state.team.id) return "another workspace";
  if (user.is_restricted || user.is_ultra_restricted) return "guest";
  return user.profile.title || (user.is_admin ? "admin" : "member");
}

function drawPeople() {
  const shown = store.users().filter((user) => !user.is_bot);
  reconcile($("people"), shown, (user) => user.id,
    (user) => JSON.stringify([user, user.id === view.me]),
    (user) => h("li", {}, h("button", {
      type: "button", id: `as-${user.id}`, "data-testid": `act-as-${user.id}`, disabled: user.deleted,
      class: `side-item person${user.id === view.me ? " is-current" : ""}`,
      "aria-pressed": user.id === view.me ? "true" : "false",
      on: { click: () => actAs(user.id) },
    }, avatar(user, "small"),
    h("span", { class: "side-name" }, nameOf(user), h("small", {}, roleOf(user))))));
}

function drawBar() {
  const channel = store.channel(view.channel);
  const user = store.user(view.me);
  const title = $("channel-name");
  if (view.channel === HOME) title.replaceChildren(icon("home"), ` ${store.state.app.name}`);
  else if (channel?.is_im) title.replaceChildren(store.state.app.name, h("span", { class: "tag" }, "APP"));
  else title.replaceChildren(channel?.is_private ? icon("lock") : h("span", { class: "hash" }, "#"), channel?.name || view.channel);
  const count = channel && !channel.is_im ? `${channel.members.length} members` : "";
  $("channel-topic").textContent = [channel?.topic?.value, count].filter(Boolean).join("  ·  ");
  $("me").replaceChildren(...(user ? [h("span", { class: "me-label" }, "Acting as "), avatar(user, "small"), h("span", { class: "me-name" }, nameOf(user))] : []));
  $("team-name").textContent = store.state.team.name;
  const sockets = store.state.sockets.length;
  const link = sockets ? `app on ${sockets} socket${sockets > 1 ? "s" : ""}` : store.state.app.request_url ? "app over HTTP" : "no app connected";
  $("live").className = `live ${!store.online ? "is-off" : sockets || store.state.app.request_url ? "is-on" : "is-idle"}`;
  $("live-text").textContent = store.online ? link : "sandbox is gone";
}

function drawFeed(feed, items, options) {
  const nearEnd = feed.scrollHeight - feed.scrollTop - feed.clientHeight < 120;
  const days = [];
  let last = "";
  for (const item of items) {
    const day = dayOf(item.ts, store.state.now);
    if (day !== last && !options.inThread) days.push({ divider: day, ts: item.ts });
    last = day;
    days.push(item);
  }
  const context = { store, people, view, inThread: options.inThread, openThread, redraw: draw };
  const place = (message) => new Place(context, message);
  reconcile(feed, days,
    (item) => item.divider ? `day-${item.divider}` : `${view.me}-${item.ts}`,
    (item) => item.divider || messageSignature(item, context),
    (item) => item.divider
      ? h("div", { class: "day", role: "separator" }, h("span", {}, item.divider))
      : messageNode(item, context, place(item)));
  if (nearEnd || options.bottom) feed.scrollTop = feed.scrollHeight;
}

function drawHome() {
  const home = store.state.homes[view.me];
  const place = new Place({ store, people, view, redraw: draw }, null, home);
  reconcile($("feed"), [{ id: "home" }], () => `home-${view.me}`, () => JSON.stringify([home, place.marks]),
    () => h("div", { class: "home-view", "data-testid": "home" }, home
      ? renderBlocks(home.blocks, place)
      : h("p", { class: "empty" }, "The app has not published a home for this person.")));
}

function drawThread() {
  const channel = store.channel(view.channel);
  const parent = view.thread && store.message(view.channel, view.thread);
  $("thread").hidden = !parent;
  $("shell").classList.toggle("has-thread", Boolean(parent));
  if (!parent) return;
  $("thread-place").textContent = channel?.is_im ? store.state.app.name : `#${channel?.name}`;
  const items = [parent, ...store.replies(view.me, view.channel, view.thread)];
  drawFeed($("thread-feed"), items, { inThread: true });
}

function draw(options = {}) {
  if (!store.state) return;
  if (view.channel !== HOME && store.channel(view.channel)) view.seen.set(seenKey(view.channel), lastTs(view.channel));
  drawChannels();
  drawPeople();
  drawBar();
  const channel = store.channel(view.channel);
  if (view.channel === HOME) drawHome();
  else {
    const items = store.feed(view.me, view.channel).filter((one) => !view.dismissed.has(one.ts));
    drawFeed($("feed"), items, options);
    if (!items.length) $("feed").replaceChildren(h("p", { class: "empty", "data-key": "empty" }, "Nothing here yet. When an agent asks, it appears in this channel."));
  }
  drawThread();
  settle();
  const writable = channel && channel.members.includes(view.me) && !channel.is_archived;
  $("composer").hidden = !channel;
  $("composer-text").disabled = !writable;
  $("composer-text").placeholder = writable ? `Message ${channel.is_im ? store.state.app.name : `#${channel.name}`}` : channel?.is_archived ? "This channel is archived" : "Not a member of this channel";
  $("composer-label").textContent = $("composer-text").placeholder;
  modal.draw();
  inspector.refresh();
  if (view.goto && document.getElementById(`message-${view.goto}`)) {
    const node = document.getElementById(`message-${view.goto}`);
    node.scrollIntoView({ block: "center" });
    node.classList.add("is-target");
    view.goto = null;
  }
}

async function send(text, thread) {
  const command = /^(\/\S+)\s*([\s\S]*)$/.exec(text);
  const common = { user: view.me, channel: view.channel };
  if (command && !thread) await store.act("slash", { ...common, command: command[1], text: command[2] }, command[1]);
  else await store.verb("say", { ...common, text: escapeText(text), ...(thread ? { thread_ts: thread } : {}) });
}

// What a person types is sent as Slack sends it: with its three control characters escaped.
const escapeText = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function wireComposer(form, area, threadOf) {
  form.querySelector(".send").append(icon("send"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = area.value.trim();
    if (!text) return;
    area.value = "";
    send(text, threadOf());
  });
  area.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      form.requestSubmit();
    }
  });
}

function setTheme(theme) {
  document.documentElement.dataset.theme = theme;
  query.set("theme", theme);
}

function start() {
  if (["light", "dark"].includes(query.get("theme"))) setTheme(query.get("theme"));
  $("menu").append(icon("menu"));
  $("theme-toggle").append(icon("theme"));
  $("thread-close").append(icon("close"));
  $("inspector-close").append(icon("close"));
  new Suggestions({ store, me: () => view.me, area: $("composer-text"), list: $("suggestions") });
  wireComposer($("composer"), $("composer-text"), () => null);
  wireComposer($("thread-composer"), $("thread-text"), () => view.thread);
  $("menu").addEventListener("click", () => showMenu(true));
  // What lies behind the menu is inert: a click there is one on the shell.
  $("shell").addEventListener("click", (event) => {
    if (!event.target.closest("#side, #menu")) showMenu(false);
  });
  $("shell").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if ($("shell").classList.contains("has-menu")) showMenu(false);
    else if (event.target.closest("#thread")) closeThread();
  });
  narrow.addEventListener("change", settle);
  $("thread-close").addEventListener("click", closeThread);
  $("theme-toggle").addEventListener("click", () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === "dark"
      : matchMedia("(prefers-color-scheme: dark)").matches;
    setTheme(dark ? "light" : "dark");
    remember();
  });
  document.addEventListener("click", (event) => {
    for (const box of document.querySelectorAll("details.overflow[open]")) {
      if (!box.contains(event.target)) box.open = false;
    }
  });
  inspector.wire();
  if (query.get("inspector") === "1") inspector.toggle(true);
  store.listen({ live: query.get("live") !== "0" });
}

start();
