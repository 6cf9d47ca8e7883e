// Slack's mrkdwn and emoji as nodes. Foreign text becomes text nodes, links only http(s) and mailto.

import { h, slackDate, nameOf } from "./dom.js";

const EMOJI = {
  white_check_mark: "✅", heavy_check_mark: "✔️", x: "❌", warning: "⚠️", no_entry: "⛔",
  no_entry_sign: "🚫", hourglass: "⌛", hourglass_flowing_sand: "⏳", alarm_clock: "⏰", lock: "🔒",
  unlock: "🔓", key: "🔑", eyes: "👀", robot_face: "🤖", bell: "🔔", memo: "📝", pencil2: "✏️",
  rocket: "🚀", fire: "🔥", tada: "🎉", wave: "👋", thumbsup: "👍", thumbsdown: "👎", "+1": "👍", "-1": "👎",
  bulb: "💡", mag: "🔍", link: "🔗", page_facing_up: "📄", rotating_light: "🚨", stop_sign: "🛑",
  raised_hand: "✋", red_circle: "🔴", large_green_circle: "🟢", large_yellow_circle: "🟡",
  large_blue_circle: "🔵", white_circle: "⚪", black_circle: "⚫", fast_forward: "⏩",
  arrow_right: "➡️", information_source: "ℹ️", question: "❓", exclamation: "❗", shield: "🛡️",
  receipt: "🧾", scroll: "📜", busts_in_silhouette: "👥", bust_in_silhouette: "👤", clock3: "🕒",
};

const unescape = (text) => text.replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");

export const emojiOf = (name) => EMOJI[name] || `:${name}:`;

export function withEmoji(text) {
  return text.replace(/:([a-z0-9_+-]+):/g, (whole, name) => EMOJI[name] || whole);
}

export function link(url, label) {
  if (!/^(https?:|mailto:)/i.test(url)) return label || url;
  return h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label || url);
}

export function mention(id, people, label) {
  const user = people.user(id);
  const text = user ? nameOf(user) : label || id;
  return h("span", { class: people.isMe(id) ? "mention is-me" : "mention" }, `@${text}`);
}

export function channelLink(id, people, label) {
  const channel = people.channel(id);
  return h("span", { class: "mention" }, `#${channel?.name || label || id}`);
}

export function groupMention(id, people, label) {
  const group = people.group(id);
  return h("span", { class: "mention" }, group ? `@${group.handle}` : label || id);
}

function entity(body, people) {
  const bar = body.indexOf("|");
  const target = bar < 0 ? body : body.slice(0, bar);
  const label = bar < 0 ? "" : unescape(body.slice(bar + 1));
  if (target.startsWith("@")) return mention(target.slice(1), people, label);
  if (target.startsWith("#")) return channelLink(target.slice(1), people, label);
  if (target.startsWith("!subteam^")) return groupMention(target.slice(9), people, label);
  if (target.startsWith("!date^")) {
    const [, seconds, format, url] = target.split("^");
    const text = /^-?\d+$/.test(seconds) ? slackDate(seconds, format || "{date_short}") : label;
    return url ? link(url, text) : h("time", { title: label }, text);
  }
  if (target.startsWith("!")) return h("span", { class: "mention is-me" }, `@${label || target.slice(1)}`);
  return link(unescape(target), label);
}

const TOKEN = new RegExp(
  [
    "`([^`\\n]+)`",
    "<([^<>\\n]+)>",
    "(?<![\\w*])\\*(?=\\S)([^*\\n]*[^*\\s])\\*(?![\\w*])",
    "(?<![\\w_])_(?=\\S)([^_\\n]*[^_\\s])_(?![\\w_])",
    "(?<![\\w~])~(?=\\S)([^~\\n]*[^~\\s])~(?![\\w~])",
    "(https?:\\/\\/[^\\s<>`]+[^\\s<>`.,;:!?)\\]'\"])",
  ].join("|"),
  "g",
);

function inline(text, people) {
  const nodes = [];
  let end = 0;
  for (const match of text.matchAll(TOKEN)) {
    if (match.index > end) nodes.push(withEmoji(unescape(text.slice(end, match.index))));
    const [, code, angle, bold, italic, strike, url] = match;
    if (code !== undefined) nodes.push(h("code", {}, unescape(code)));
    else if (angle !== undefined) nodes.push(entity(angle, people));
    else if (bold !== undefined) nodes.push(h("strong", {}, inline(bold, people)));
    else if (italic !== undefined) nodes.push(h("em", {}, inline(italic, people)));
    else if (strike !== undefined) nodes.push(h("s", {}, inline(strike, people)));
    else nodes.push(link(unescape(url)));
    end = match.index + match[0].length;
  }
  if (end < text.length) nodes.push(withEmoji(unescape(text.slice(end))));
  return nodes;
}

function paragraphs(text, people) {
  const nodes = [];
  let quote = null;
  const lines = text.split("\n");
  lines.forEach((line, index) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    if (quoted) {
      if (!quote) nodes.push((quote = h("blockquote")));
      else quote.append(h("br"));
      quote.append(...inline(quoted[1], people));
      return;
    }
    if (index > 0 && !quote) nodes.push(h("br"));
    quote = null;
    nodes.push(...inline(line, people));
  });
  return nodes;
}

export function mrkdwn(text, people) {
  const nodes = [];
  text.split(/```([\s\S]*?)```/).forEach((part, index) => {
    if (index % 2) nodes.push(h("pre", {}, unescape(part.replace(/^\n|\n$/g, ""))));
    else if (part) nodes.push(...paragraphs(index ? part.replace(/^\n/, "") : part, people));
  });
  return h("span", { class: "mrkdwn" }, nodes);
}

export function textObject(object, people) {
  if (!object) return "";
  if (object.type === "mrkdwn") return mrkdwn(object.text, people);
  return h("span", { class: "plain" }, object.emoji === false ? object.text : withEmoji(object.text));
}
