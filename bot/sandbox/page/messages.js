// One message: author, time, blocks or text, thread summary.

import { ago, avatar, fullTimeOf, h, icon, nameOf, timeOf } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { mrkdwn } from "./mrkdwn.js";

export function messageSignature(message, { store, view, inThread }) {
  const marks = store.state.marks.filter((mark) => mark.user === view.me && mark.ts === message.ts);
  const minute = message.reply_count ? Math.floor(store.state.now / 60) : 0;
  return JSON.stringify([message, marks, view.me, inThread, view.thread === message.ts, minute, store.users().length, store.state.app.shortcuts]);
}

export function messageNode(message, context, place) {
  const { store, people, view, inThread } = context;
  const ephemeral = Boolean(message.is_ephemeral);
  const author = store.user(message.user) || { id: message.user, name: "Slack", profile: {} };
  const classes = ["message"];
  if (ephemeral) classes.push("is-ephemeral");
  if (!inThread && view.thread === message.ts) classes.push("is-open");
  if (message.subtype === "tombstone") return tombstone(message, context);
  return h("article", {
    class: classes.join(" "), id: inThread ? undefined : `message-${message.ts}`,
    "data-testid": `${ephemeral ? "ephemeral" : "message"}-${message.ts}`, "data-ts": message.ts,
  },
  avatar(author),
  h("div", { class: "message-body" },
    ephemeral && h("p", { class: "only-you" }, icon("eye"), " Only visible to you · ",
      h("button", { type: "button", class: "link", on: { click: () => { view.dismissed.add(message.ts); context.redraw(); } } }, "Dismiss")),
    h("header", { class: "message-head" },
      h("strong", {}, nameOf(author)),
      message.bot_id && h("span", { class: "tag" }, "APP"),
      h("time", { title: fullTimeOf(message.ts) }, timeOf(message.ts))),
    message.blocks?.length
      ? h("div", { class: "blocks" }, renderBlocks(message.blocks, place))
      : h("div", { class: "message-text" }, mrkdwn(message.text, people),
        message.edited && h("span", { class: "edited" }, " (edited)")),
    message.files && h("div", { class: "files" }, message.files.map(fileNode)),
    !inThread && !ephemeral && summary(message, context)),
  !ephemeral && tools(message, context));
}

function tombstone(message, context) {
  return h("article", { class: "message is-gone", "data-testid": `message-${message.ts}` },
    h("span", { class: "avatar" }), h("div", { class: "message-body" },
      h("p", { class: "message-text" }, message.text), !context.inThread && summary(message, context)));
}

function summary(message, { store, openThread }) {
  if (!message.reply_count) return null;
  const faces = message.reply_users.slice(0, 3).map((id) => store.user(id)).filter(Boolean);
  return h("button", {
    type: "button", class: "replies", "data-testid": `open-thread-${message.ts}`, on: { click: () => openThread(message.ts) },
  },
  faces.map((user) => avatar(user, "tiny")),
  h("span", { class: "replies-count" }, `${message.reply_count} ${message.reply_count === 1 ? "reply" : "replies"}`),
  h("span", { class: "replies-last" }, `last reply ${ago(Number(message.latest_reply), store.state.now)}`), icon("chevron"));
}

function fileNode(file) {
  const size = file.size < 1024 ? `${file.size} bytes` : `${(file.size / 1024).toFixed(1)} kB`;
  return h("a", { class: "file", href: `/files/${file.id}`, download: file.name, "data-testid": `file-${file.id}` },
    icon("file"), h("span", { class: "file-name" }, file.title, h("small", {}, `${file.name}  ·  ${size}`)));
}

// Slack's "more actions": the message shortcuts from the app's settings.
function shortcutMenu(message, { store, view }) {
  const shortcuts = store.state.app.shortcuts.filter((one) => one.type === "message");
  if (!shortcuts.length) return null;
  const app = store.state.app.name;
  const box = h("details", { class: "overflow more" },
    h("summary", { class: "icon-button", "aria-label": "More actions", title: "More actions", "data-testid": `more-${message.ts}` }, icon("more")),
    h("ul", { class: "overflow-list" }, shortcuts.map((one) => h("li", {}, h("button", {
      type: "button", "data-testid": `shortcut-${one.callback_id}`, title: one.description,
      on: {
        click: () => {
          box.open = false;
          store.act("shortcut", { user: view.me, channel: view.channel, ts: message.ts, callback_id: one.callback_id }, one.name);
        },
      },
    }, one.name, h("small", {}, app))))));
  return box;
}

function tools(message, context) {
  const { store, view, inThread, openThread } = context;
  const user = store.user(view.me);
  const deletable = message.user === view.me || user?.is_admin;
  const channel = view.channel;
  return h("div", { class: "tools" },
    !inThread && h("button", {
      type: "button", class: "icon-button", "aria-label": "Reply in a thread", title: "Reply in a thread",
      "data-testid": `reply-${message.ts}`, on: { click: () => openThread(message.thread_ts || message.ts) },
    }, icon("reply")),
    shortcutMenu(message, context),
    deletable && h("button", {
      type: "button", class: "icon-button", "aria-label": "Delete this message", title: "Delete this message",
      on: { click: () => store.verb("delete", { user: view.me, channel, ts: message.ts }) },
    }, icon("trash")));
}
