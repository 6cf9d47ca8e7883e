// The modal on top of the acting person's stack.

import { focusMark, h, icon, restoreFocus } from "./dom.js";
import { renderBlocks } from "./blocks.js";
import { Place } from "./place.js";

export class Modal {
  constructor({ store, people, dialog, me }) {
    this.store = store;
    this.people = people;
    this.dialog = dialog;
    this.me = me;
    this.busy = false;
    this.signature = "";
    this.shown = "";
    dialog.addEventListener("cancel", (event) => { event.preventDefault(); this.close(); });
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.classList.add("is-nudged"); });
    dialog.addEventListener("animationend", () => dialog.classList.remove("is-nudged"));
  }

  draw() {
    const stack = this.store.state.views[this.me()] || [];
    const view = stack[stack.length - 1];
    if (!view) {
      if (this.dialog.open) this.dialog.close();
      this.signature = this.shown = "";
      return;
    }
    const context = { store: this.store, people: this.people, view: { me: this.me() } };
    const place = new Place(context, null, view);
    const signature = JSON.stringify([view.id, view.hash, view.errors, view.trouble, place.marks, stack.length, this.busy, this.me()]);
    if (signature !== this.signature) {
      // Another page of the same view is read from its top, as a new view is.
      const shown = [view.id, this.me(), view.title.text].join();
      const fresh = shown !== this.shown;
      this.signature = signature;
      this.shown = shown;
      this.fill(view, place, stack.length, fresh);
    }
    if (!this.dialog.open) this.dialog.showModal();
  }

  fill(view, place, depth, fresh) {
    const dialog = this.dialog;
    const focus = focusMark(dialog);
    const scroll = fresh ? 0 : dialog.querySelector(".modal-body")?.scrollTop || 0;
    dialog.dataset.viewId = view.id;
    dialog.replaceChildren(h("form", { method: "dialog", on: { submit: (event) => { event.preventDefault(); this.submit(view, place); } } },
      h("header", { class: "modal-head" },
        h("span", { class: "mark small", "aria-hidden": "true" }, this.store.state.app.name[0].toUpperCase()),
        h("h2", { id: "modal-title" }, view.title.text),
        depth > 1 && h("span", { class: "depth" }, `step ${depth}`),
        h("button", { type: "button", class: "icon-button", "aria-label": "Close", "data-testid": "modal-x", on: { click: () => this.close(true) } }, icon("close"))),
      h("div", { class: "modal-body", id: "modal-body", tabindex: "0", role: "region", "aria-labelledby": "modal-title" },
        view.trouble && h("p", { class: "failure", role: "alert", "data-testid": "modal-trouble" }, icon("warn"),
          ` We had some trouble connecting (${view.trouble}). Try again?`),
        renderBlocks(view.blocks, place)),
      h("footer", { class: "dialog-actions" },
        h("button", { type: "button", class: "button", "data-testid": "modal-close", on: { click: () => this.close() } }, view.close?.text || (depth > 1 ? "Back" : "Cancel")),
        view.submit && h("button", {
          type: "submit", class: `button is-primary${this.busy ? " is-pending" : ""}`, "data-testid": "modal-submit", "aria-busy": this.busy ? "true" : undefined,
        }, view.submit.text))));
    dialog.querySelector(".modal-body").scrollTop = scroll;
    if (!fresh) {
      restoreFocus(dialog, focus);
      return;
    }
    // Never a button: who turned the page with Enter must not answer with the same key.
    const first = dialog.querySelector(".modal-body :is(input, textarea, select)")
      || dialog.querySelector(".modal-body");
    first.autofocus = true;
    if (dialog.open) first.focus();
  }

  async submit(view, place) {
    if (this.busy) return;
    this.busy = true;
    this.draw();
    const answer = await this.store.verb("submit", { user: this.me(), view_id: view.id, values: place.shown() });
    this.busy = false;
    if (answer.ok && !(this.store.state.views[this.me()] || []).some((one) => one.id === view.id)) place.forget();
    this.store.load();
  }

  close(everything = false) {
    this.store.verb("close", { user: this.me(), all: everything });
  }
}
