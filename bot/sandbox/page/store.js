// The sandbox's state and the verbs of the person the page acts as.

export class Store {
  constructor(onChange, onToast) {
    this.state = null;
    this.online = false;
    this.toast = onToast;
    this.onChange = onChange;
    this.loading = false;
    this.again = false;
  }

  // `live` off shows one state and stays there: for screenshots, where an open stream never settles.
  async listen({ live }) {
    await this.load();
    if (!live) return;
    const events = new EventSource("/sandbox/events");
    events.onmessage = () => this.load();
    events.onopen = () => this.setOnline(true);
    events.onerror = () => this.setOnline(false);
  }

  setOnline(online) {
    if (this.online === online) return;
    this.online = online;
    if (this.state) this.onChange();
  }

  // One load at a time; a change during a load causes exactly one more.
  async load() {
    if (this.loading) { this.again = true; return; }
    this.loading = true;
    try {
      do {
        this.again = false;
        const response = await fetch("/sandbox/state?log=0");
        this.state = await response.json();
        this.online = true;
        this.onChange();
      } while (this.again);
    } catch {
      this.setOnline(false);
    } finally {
      this.loading = false;
    }
  }

  async verb(name, body) {
    try {
      const response = await fetch(`/sandbox/${name}`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      });
      const answer = await response.json();
      if (!answer.ok && answer.error !== "incomplete") this.toast(answer.detail || answer.error);
      return answer;
    } catch {
      this.toast("The sandbox does not answer.");
      return { ok: false };
    }
  }

  // A verb that the app has to answer; `what` names it where the app did not.
  async act(name, body, what) {
    const answer = await this.verb(name, body);
    if (answer.ok && answer.delivery && !answer.delivery.ok) {
      this.toast(`${what} failed: the app did not answer as it should (${answer.delivery.error}).`);
    }
    return answer;
  }

  user(id) { return this.state.users.find((user) => user.id === id); }
  users() { return this.state.users; }
  channel(id) { return this.state.channels.find((channel) => channel.id === id); }
  group(id) { return this.state.usergroups.find((group) => group.id === id); }

  visibleChannels(me) {
    const user = this.user(me);
    const guest = user?.is_restricted || user?.is_ultra_restricted || user?.team_id !== this.state.team.id;
    return this.state.channels.filter((channel) =>
      channel.members.includes(me) || (!channel.is_private && !channel.is_im && !guest));
  }

  feed(me, channel) {
    const all = this.state.messages[channel] || [];
    const top = all.filter((one) => !one.thread_ts || one.thread_ts === one.ts || one.subtype === "thread_broadcast");
    const mine = (this.state.ephemerals[me] || []).filter((one) => one.channel === channel && !one.thread_ts);
    return [...top, ...mine].sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  replies(me, channel, ts) {
    const all = this.state.messages[channel] || [];
    const mine = (this.state.ephemerals[me] || []).filter((one) => one.channel === channel);
    return [...all, ...mine].filter((one) => one.thread_ts === ts && one.ts !== ts)
      .sort((a, b) => Number(a.ts) - Number(b.ts));
  }

  message(channel, ts) {
    return (this.state.messages[channel] || []).find((one) => one.ts === ts);
  }
}
