// The drawer with the raw traffic: what the app called, what was delivered to it.

import { h, reconcile } from "./dom.js";

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export class Inspector {
  constructor(store, onToggle) {
    this.store = store;
    this.onToggle = onToggle;
    this.open = false;
    this.records = new Map();
    this.chosen = null;
    this.pinned = false;
    this.busy = false;
    this.again = false;
  }

  wire() {
    document.getElementById("inspector-toggle").addEventListener("click", () => this.toggle(!this.open));
    document.getElementById("inspector-close").addEventListener("click", () => this.toggle(false));
  }

  toggle(open) {
    this.open = open;
    document.getElementById("inspector").hidden = !open;
    document.getElementById("inspector-toggle").setAttribute("aria-expanded", String(open));
    this.onToggle(open);
    if (open) this.refresh();
  }

  async refresh() {
    if (!this.open) return;
    if (this.busy) { this.again = true; return; }
    this.busy = true;
    try {
      do {
        this.again = false;
        const response = await fetch(`/sandbox/log?after=${this.after()}`);
        const log = await response.json();
        for (const one of log.requests) this.records.set(one.id, { ...one, out: false });
        for (const one of log.deliveries) this.records.set(one.id, { ...one, out: true });
        this.draw();
      } while (this.again);
    } catch { /* the page already says that the sandbox is gone */ } finally {
      this.busy = false;
    }
  }

  // Deliveries still under way change later: read again from the oldest of them.
  after() {
    const ids = [...this.records.keys()];
    const open = ids.filter((id) => this.records.get(id).out && !this.records.get(id).done);
    return open.length ? Math.min(...open) - 1 : Math.max(0, ...ids);
  }

  draw() {
    const items = [...this.records.values()].sort((a, b) => b.id - a.id).slice(0, 300);
    // Follows the newest delivery until somebody picks a record.
    if (!this.pinned && items.length) this.chosen = (items.find((one) => one.out) || items[0]).id;
    reconcile(document.getElementById("records"), items, (one) => String(one.id),
      (one) => JSON.stringify([one.done, one.ok, one.late_ms, one.id === this.chosen]), (one) => this.row(one));
    this.drawChosen();
  }

  row(one) {
    const fine = one.out ? one.ok : one.answer?.ok !== false;
    const state = one.out && !one.done ? "waiting" : fine ? "ok" : one.out ? one.error : one.answer.error;
    const took = one.out ? one.latency_ms : one.duration_ms;
    return h("li", {}, h("button", {
      type: "button", id: `record-${one.id}`, class: `record-row${one.id === this.chosen ? " is-current" : ""}`,
      "aria-pressed": one.id === this.chosen ? "true" : "false",
      on: { click: () => { this.chosen = one.id; this.pinned = true; this.draw(); } },
    },
    h("time", {}, clock.format(new Date(one.at * 1000))),
    h("span", { class: `way ${one.out ? "is-out" : "is-in"}` }, one.out ? "to app" : "from app"),
    h("span", { class: "record-name" }, one.out ? one.type : one.method),
    h("span", { class: `status ${one.out && !one.done ? "" : fine ? "is-ok" : "is-bad"}` }, state),
    h("span", { class: "took" }, took === null ? "" : `${took < 10 ? took.toFixed(1) : Math.round(took)} ms`)));
  }

  drawChosen() {
    const box = document.getElementById("record");
    const one = this.records.get(this.chosen);
    if (!one) return;
    const signature = JSON.stringify([one.id, one.done, one.late_ms]);
    if (box._signature === signature) return;
    box._signature = signature;
    const part = (title, value) => value === null || value === undefined || value === ""
      ? null : h("section", {}, h("h3", {}, title), h("pre", {}, pretty(value)));
    box.replaceChildren(...(one.out ? [
      part("Delivered", `${one.transport === "http" ? `POST ${one.target}` : one.transport === "socket" ? `Socket Mode envelope ${one.envelope_id}` : "nowhere: the app is not connected"}`),
      part("Headers", Object.keys(one.headers).length ? one.headers : null),
      part("Payload", one.payload),
      part("Answer", one.done ? outcome(one) : "waiting…"),
      part("Raw body", one.raw),
    ] : [
      part("Called", `${one.http_method} ${one.method === "response_url" ? "response_url" : `/api/${one.method}`}  (${one.content_type})`),
      part("Arguments", one.args),
      part("Answer", one.answer),
      part("Raw body", one.raw),
    ]).filter(Boolean));
  }
}

function outcome(one) {
  if (one.error && !one.answer) return one.late_ms ? `${one.error}, then an ack after ${one.late_ms} ms` : one.error;
  return one.answer ?? (one.status ? `HTTP ${one.status}, empty body` : "ack without payload");
}

function pretty(value) {
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}
