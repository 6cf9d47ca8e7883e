// What the message box offers after a slash: the app's commands and its global shortcuts.

import { h, icon } from "./dom.js";

export class Suggestions {
  constructor({ store, me, area, list }) {
    this.store = store;
    this.me = me;
    this.area = area;
    this.list = list;
    this.found = [];
    this.current = 0;
    area.addEventListener("input", () => this.draw());
    area.addEventListener("blur", () => this.hide());
    // In the capture phase, so that Enter chooses instead of sending.
    area.addEventListener("keydown", (event) => this.key(event), { capture: true });
  }

  matches() {
    const typed = this.area.value;
    if (!/^\/\S*$/.test(typed) || !this.store.state) return [];
    const { commands, shortcuts } = this.store.state.app;
    const wanted = typed.slice(1).toLowerCase();
    return [
      ...commands.filter((one) => one.command.slice(1).toLowerCase().startsWith(wanted))
        .map((one) => ({ ...one, title: one.command })),
      ...shortcuts.filter((one) => one.type === "global" && one.name.toLowerCase().includes(wanted))
        .map((one) => ({ ...one, title: one.name })),
    ];
  }

  draw() {
    this.found = this.matches();
    this.current = Math.min(this.current, Math.max(this.found.length - 1, 0));
    const exact = this.found.length === 1 && this.found[0].command === this.area.value;
    this.list.hidden = !this.found.length || exact;
    this.area.setAttribute("aria-expanded", String(!this.list.hidden));
    this.area.setAttribute("aria-activedescendant", this.list.hidden ? "" : `suggestion-${this.current}`);
    this.list.replaceChildren(...this.found.map((one, index) => h("li", {
      id: `suggestion-${index}`, role: "option", "aria-selected": String(index === this.current), "data-testid": `suggestion-${one.title}`,
      // Not on click: the box would lose its focus first, and the list with it.
      on: { mousedown: (event) => { event.preventDefault(); this.choose(one); } },
    },
    one.command ? h("span", { class: "slash", "aria-hidden": "true" }, "/") : icon("bolt"),
    h("span", { class: "suggestion-name" }, one.title, one.usage_hint && h("span", { class: "usage" }, ` ${one.usage_hint}`)),
    h("small", {}, one.description))));
  }

  hide() {
    this.list.hidden = true;
    this.area.setAttribute("aria-expanded", "false");
  }

  key(event) {
    if (this.list.hidden || event.isComposing) return;
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps) {
      this.current = (this.current + steps[event.key] + this.found.length) % this.found.length;
      this.draw();
    } else if (event.key === "Enter" || event.key === "Tab") {
      this.choose(this.found[this.current]);
    } else if (event.key === "Escape") {
      this.hide();
    } else {
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  }

  choose(one) {
    this.area.value = one.command ? `${one.command} ` : "";
    this.hide();
    if (!one.command) this.store.act("shortcut", { user: this.me(), callback_id: one.callback_id }, one.name);
  }
}
