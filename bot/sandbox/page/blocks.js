// Block Kit as nodes. `place` says where the blocks stand and what using a control does.

import { h, icon, nameOf, slackDate } from "./dom.js";
import { channelLink, emojiOf, groupMention, link, mention, mrkdwn, textObject } from "./mrkdwn.js";

export function renderBlocks(blocks, place) {
  return blocks.map((block) => {
    const render = BLOCKS[block.type];
    const node = render ? render(block, place) : unknown(block);
    node.classList.add("block", `block-${block.type.replaceAll("_", "-")}`);
    node.dataset.blockId = block.block_id;
    return node;
  });
}

const unknown = (block) => h("div", { class: "block-unknown" }, `[${block.type}]`);

const BLOCKS = {
  divider: () => h("hr"),
  header: (block, place) => h("h3", {}, textObject(block.text, place.people)),
  section: (block, place) =>
    h("div", {},
      h("div", { class: "section-main" },
        block.text && h("div", { class: "section-text" }, textObject(block.text, place.people)),
        block.fields && h("div", { class: "fields" },
          block.fields.map((field) => h("div", { class: "field" }, textObject(field, place.people))))),
      block.accessory && h("div", { class: "accessory" }, element(block.accessory, block, place))),
  context: (block, place) =>
    h("div", {}, block.elements.map((item) => item.type === "image"
      ? h("span", { class: "context-image", role: "img" }, item.alt_text)
      : h("span", { class: "context-item" }, textObject(item, place.people)))),
  actions: (block, place) =>
    h("div", { role: "group" },
      block.elements.map((item) => element(item, block, place)), failure(block, place)),
  input: (block, place) => input(block, place),
  image: (block) => h("figure", {}, h("div", { class: "image-alt", role: "img" }, block.alt_text),
    block.title && h("figcaption", {}, block.title.text)),
  markdown: (block, place) => h("div", {}, mrkdwn(block.text, place.people)),
  rich_text: (block, place) => h("div", {}, block.elements.map((part) => richPart(part, place))),
};

function failure(block, place) {
  const mark = place.marks.find((item) => item.block_id === block.block_id && item.status === "failed");
  if (!mark) return null;
  const why = { timeout: "The app did not answer in time; it may still have acted.", not_connected: "The app is not connected." };
  return h("p", { class: "failure", role: "alert", "data-testid": `failure-${mark.action_id}` },
    icon("warn"), ` ${why[mark.error] || `The app refused or could not be reached (${mark.error}).`}`);
}

function richPart(part, place) {
  const leaves = (items) => items.map((leaf) => richLeaf(leaf, place));
  if (part.type === "rich_text_preformatted") return h("pre", {}, leaves(part.elements));
  if (part.type === "rich_text_quote") return h("blockquote", {}, leaves(part.elements));
  if (part.type === "rich_text_list") {
    const list = h(part.style === "ordered" ? "ol" : "ul", {},
      part.elements.map((item) => h("li", {}, leaves(item.elements))));
    if (part.indent) list.classList.add(`indent-${Math.min(part.indent, 4)}`);
    return list;
  }
  return h("p", {}, leaves(part.elements));
}

function richLeaf(leaf, place) {
  const plain = {
    text: () => leaf.text,
    link: () => link(leaf.url, leaf.text),
    user: () => mention(leaf.user_id, place.people),
    usergroup: () => groupMention(leaf.usergroup_id, place.people),
    channel: () => channelLink(leaf.channel_id, place.people),
    emoji: () => emojiOf(leaf.name),
    broadcast: () => h("span", { class: "mention is-me" }, `@${leaf.range}`),
    date: () => h("time", { title: leaf.fallback }, slackDate(leaf.timestamp, leaf.format)),
    color: () => h("code", {}, leaf.value),
  }[leaf.type];
  let node = plain ? plain() : `[${leaf.type}]`;
  const style = leaf.style || {};
  if (style.code) node = h("code", {}, node);
  if (style.bold) node = h("strong", {}, node);
  if (style.italic) node = h("em", {}, node);
  if (style.strike) node = h("s", {}, node);
  return node;
}

function input(block, place) {
  const id = `${place.id}-${block.block_id}-${block.element.action_id}`;
  const error = place.errors?.[block.block_id];
  const note = [];
  if (block.hint) note.push(h("p", { class: "hint", id: `${id}-hint` }, textObject(block.hint, place.people)));
  if (error) note.push(h("p", { class: "input-error", id: `${id}-error`, role: "alert" }, icon("warn"), ` ${error}`));
  const grouped = ["radio_buttons", "checkboxes"].includes(block.element.type);
  const label = h(grouped ? "legend" : "label", { class: "input-label", for: grouped ? undefined : id },
    block.label.text, block.optional && h("span", { class: "optional" }, " (optional)"));
  const control = element(block.element, block, place);
  if (note.length) control.setAttribute("aria-describedby", note.map((item) => item.id).join(" "));
  if (error) control.setAttribute("aria-invalid", "true");
  return h(grouped ? "fieldset" : "div", {}, label, control, note);
}

function element(item, block, place) {
  const render = ELEMENTS[item.type];
  return render ? render(item, block, place) : unknown(item);
}

function base(item, block, place) {
  return {
    id: `${place.id}-${block.block_id}-${item.action_id}`,
    "data-testid": `action-${item.action_id}`,
    "data-action-id": item.action_id,
    "data-block-id": block.block_id,
  };
}

const current = (item, block, place) =>
  place.values?.[block.block_id]?.[item.action_id] ?? {};

// An input block keeps its value until submission; elsewhere a change is an action of its own.
function used(item, block, place, value) {
  place.remember(block, item, value);
  if (block.type !== "input" || block.dispatch_action) place.act(block, item, value);
}

function button(item, block, place) {
  const mark = place.marks.find((one) => one.action_id === item.action_id && one.block_id === block.block_id);
  const pending = mark?.status === "pending";
  const classes = ["button", item.style ? `is-${item.style}` : "", pending ? "is-pending" : "", mark?.status === "failed" ? "is-failed" : ""];
  return h("button", {
    ...base(item, block, place),
    type: "button",
    class: classes.filter(Boolean).join(" "),
    "aria-label": item.accessibility_label,
    "aria-busy": pending ? "true" : undefined,
    on: {
      click: async () => {
        if (pending) return;
        if (item.url) window.open(item.url, "_blank", "noopener");
        place.act(block, item, undefined);
      },
    },
  }, textObject(item.text, place.people), item.url && icon("external"), mark?.status === "failed" && icon("warn"));
}

function allOptions(item) {
  return item.options || (item.option_groups || []).flatMap((group) => group.options);
}

function menu(item, block, place, options, chosen) {
  const node = h("select", {
    ...base(item, block, place), class: "select",
    "aria-label": block.type === "input" ? undefined : item.placeholder?.text || item.action_id,
    on: { change: () => used(item, block, place, node.value || null) },
  }, h("option", { value: "" }, item.placeholder?.text || "Choose…"),
  options.map(([value, text]) => h("option", { value, selected: value === chosen }, text)));
  return node;
}

function choices(item, block, place, kind, chosen) {
  const name = base(item, block, place).id;
  const group = h("div", { ...base(item, block, place), class: "choices", role: "group", "aria-label": item.action_id },
    allOptions(item).map((option) => h("label", { class: "choice" },
      h("input", {
        type: kind, name, value: option.value, checked: chosen.includes(option.value),
        on: {
          change: () => {
            const picked = [...group.querySelectorAll("input:checked")].map((one) => one.value);
            used(item, block, place, kind === "radio" ? picked[0] : picked);
          },
        },
      }),
      h("span", {}, textObject(option.text, place.people),
        option.description && h("small", {}, option.description.text)))));
  return group;
}

function overflow(item, block, place) {
  const list = h("ul", { class: "overflow-list" }, item.options.map((option) => h("li", {},
    h("button", { type: "button", "data-testid": `option-${option.value}`, on: { click: () => { box.open = false; place.act(block, item, option.value); } } },
      textObject(option.text, place.people)))));
  const box = h("details", { ...base(item, block, place), class: "overflow" },
    h("summary", { "aria-label": "More actions" }, "•••"), list);
  return box;
}

function field(item, block, place, kind, key) {
  const multiline = item.type === "plain_text_input" && item.multiline;
  const node = h(multiline ? "textarea" : "input", {
    ...base(item, block, place),
    class: "field-input",
    type: multiline ? undefined : kind,
    rows: multiline ? "4" : undefined,
    maxlength: item.max_length ? String(item.max_length) : undefined,
    placeholder: item.placeholder?.text,
    "aria-label": block.type === "input" ? undefined : item.placeholder?.text || item.action_id,
    on: {
      input: () => place.remember(block, item, node.value || null),
      change: () => { if (block.type !== "input" || block.dispatch_action) used(item, block, place, node.value || null); },
    },
  });
  node.value = current(item, block, place)[key] ?? "";
  return node;
}

const people = (place) => place.people.users()
  .filter((user) => !user.deleted && !user.is_bot).map((user) => [user.id, nameOf(user)]);
const options = (item) => allOptions(item).map((option) => [option.value, option.text.text]);

const ELEMENTS = {
  button,
  workflow_button: button,
  overflow,
  static_select: (item, block, place) =>
    menu(item, block, place, options(item), current(item, block, place).selected_option?.value),
  users_select: (item, block, place) =>
    menu(item, block, place, people(place), current(item, block, place).selected_user),
  radio_buttons: (item, block, place) =>
    choices(item, block, place, "radio", [current(item, block, place).selected_option?.value]),
  checkboxes: (item, block, place) =>
    choices(item, block, place, "checkbox", (current(item, block, place).selected_options || []).map((one) => one.value)),
  multi_static_select: (item, block, place) =>
    choices(item, block, place, "checkbox", (current(item, block, place).selected_options || []).map((one) => one.value)),
  multi_users_select: (item, block, place) => {
    const shown = { ...item, options: people(place).map(([value, text]) => ({ value, text: { type: "plain_text", text } })) };
    return choices(shown, block, place, "checkbox", current(item, block, place).selected_users || []);
  },
  datepicker: (item, block, place) => field(item, block, place, "date", "selected_date"),
  timepicker: (item, block, place) => field(item, block, place, "time", "selected_time"),
  plain_text_input: (item, block, place) => field(item, block, place, "text", "value"),
  email_text_input: (item, block, place) => field(item, block, place, "email", "value"),
  url_text_input: (item, block, place) => field(item, block, place, "url", "value"),
  number_input: (item, block, place) => field(item, block, place, "text", "value"),
  image: (item) => h("span", { class: "image-alt small", role: "img" }, item.alt_text),
};
