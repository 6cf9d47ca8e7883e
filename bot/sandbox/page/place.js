// Where blocks stand (a message, a modal, a home): their marks, values, and what a control does.

import { h } from "./dom.js";
import { textObject } from "./mrkdwn.js";

const STATE_KEYS = {
  static_select: "selected_option", radio_buttons: "selected_option",
  checkboxes: "selected_options", multi_static_select: "selected_options",
  users_select: "selected_user", multi_users_select: "selected_users",
  datepicker: "selected_date", timepicker: "selected_time",
};

// What was typed or chosen and not yet submitted: place id -> block id -> action id -> value.
const drafts = new Map();

function shaped(type, value) {
  const key = STATE_KEYS[type] || "value";
  if (key === "selected_option") return { [key]: value === null ? null : { value } };
  if (key === "selected_options") return { [key]: (value || []).map((one) => ({ value: one })) };
  return { [key]: value };
}

export class Place {
  constructor(context, message, view = null) {
    const { store, people, view: ui } = context;
    this.store = store;
    this.people = people;
    this.me = ui.me;
    this.message = message;
    this.view = view;
    this.id = view ? `v-${view.id}` : message ? `${context.inThread ? "t" : "m"}-${message.ts}` : "none";
    this.errors = view?.errors;
    this.marks = store.state.marks.filter((mark) => mark.user === this.me
      && (view ? mark.view_id === view.id : message && mark.ts === message.ts));
    this.values = this.merged();
  }

  merged() {
    const values = structuredClone(this.view?.state?.values || {});
    for (const [block, actions] of Object.entries(drafts.get(this.id) || {})) {
      values[block] = { ...values[block] };
      for (const [action, draft] of Object.entries(actions)) values[block][action] = shaped(draft.type, draft.value);
    }
    return values;
  }

  remember(block, item, value) {
    const mine = drafts.get(this.id) || {};
    mine[block.block_id] = { ...mine[block.block_id], [item.action_id]: { type: item.type, value } };
    drafts.set(this.id, mine);
  }

  // The drafts as the control API takes them: block id -> action id -> value.
  entered() {
    const values = {};
    for (const [block, actions] of Object.entries(drafts.get(this.id) || {})) {
      values[block] = Object.fromEntries(Object.entries(actions).map(([action, draft]) => [action, draft.value]));
    }
    return values;
  }

  forget() { drafts.delete(this.id); }

  async act(block, item, value) {
    if (item.confirm && !(await confirmed(item.confirm, this.people))) return;
    const target = this.view
      ? { view_id: this.view.id }
      : { channel: this.message.channel || this.channelId(), ts: this.message.ts };
    await this.store.verb("click", {
      user: this.me, action_id: item.action_id, block_id: block.block_id, value, inputs: this.shown(), ...target,
    });
  }

  // Only inputs that are still shown: a draft may be older than the blocks.
  shown() {
    const blocks = this.view ? this.view.blocks : this.message.blocks;
    const ids = new Set(blocks.map((block) => block.block_id));
    return Object.fromEntries(Object.entries(this.entered()).filter(([block]) => ids.has(block)));
  }

  channelId() {
    return Object.entries(this.store.state.messages)
      .find(([, messages]) => messages.some((one) => one.ts === this.message.ts))?.[0];
  }
}

function confirmed(texts, people) {
  const dialog = document.getElementById("confirm");
  return new Promise((resolve) => {
    const done = (yes) => () => { dialog.close(); resolve(yes); };
    dialog.replaceChildren(
      h("h2", { id: "confirm-title" }, texts.title.text),
      h("p", {}, textObject(texts.text, people)),
      h("div", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", on: { click: done(false) } }, texts.deny?.text || "Cancel"),
        h("button", { type: "button", class: `button is-${texts.style || "primary"}`, "data-testid": "confirm-yes", on: { click: done(true) } }, texts.confirm?.text || "Yes")));
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}
