// A JavaScript Bolt app that uses everything the sandbox offers; it writes what it got, a line each.

import { App, LogLevel } from "@slack/bolt";

const { API_URL, BOT_TOKEN, APP_TOKEN, SIGNING_SECRET, TRANSPORT } = process.env;
const told = (kind, body) => process.stdout.write(`${JSON.stringify({ kind, body })}\n`);
const plain = (text) => ({ type: "plain_text", text });

const common = { token: BOT_TOKEN, clientOptions: { slackApiUrl: API_URL }, logLevel: LogLevel.ERROR };
const app = TRANSPORT === "socket"
  ? new App({ ...common, socketMode: true, appToken: APP_TOKEN, installerOptions: { clientOptions: common.clientOptions } })
  : new App({ ...common, signingSecret: SIGNING_SECRET });

const form = {
  type: "modal",
  callback_id: "note",
  notify_on_close: true,
  title: plain("Deny"),
  submit: plain("Send"),
  blocks: [{ type: "input", block_id: "why", label: plain("Why?"), element: { type: "plain_text_input", action_id: "text" } }],
};

app.action("approve", async ({ ack, body, client }) => {
  told("action", body);
  await ack();
  await client.chat.update({ channel: body.channel.id, ts: body.message.ts, text: `approved by <@${body.user.id}>` });
});

app.action("deny", async ({ ack, body, client }) => {
  told("action", body);
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: form });
});

app.action(/^pick_/, async ({ ack, body }) => {
  told("action", body);
  await ack();
});

app.view("note", async ({ ack, body, view }) => {
  told("view", body);
  if (view.state.values.why.text.value.length < 3) await ack({ response_action: "errors", errors: { why: "Say more." } });
  else await ack();
});

app.view({ callback_id: "note", type: "view_closed" }, async ({ ack, body }) => {
  told("closed", body);
  await ack();
});

app.command("/signoff", async ({ ack, command, respond }) => {
  told("command", command);
  await ack(`you said ${command.text}`);
  await respond({ text: "and this came later", response_type: "ephemeral" });
});

app.shortcut("who", async ({ ack, shortcut, client }) => {
  told("shortcut", shortcut);
  await ack();
  await client.views.open({ trigger_id: shortcut.trigger_id, view: form });
});

app.event("app_home_opened", async ({ event, body, client }) => {
  told("event", body);
  await client.views.publish({ user_id: event.user, view: { type: "home", blocks: [{ type: "section", text: plain("Nothing waits for you.") }] } });
});

app.message("diff", async ({ message, body, client }) => {
  told("event", body);
  await client.filesUploadV2({ channel_id: message.channel, thread_ts: message.ts, filename: "change.diff", content: "--- a\n+++ b\n" });
});

app.error(async (error) => told("error", String(error)));

const server = await (TRANSPORT === "socket" ? app.start() : app.start({ host: "127.0.0.1", port: 0 }));
told("ready", TRANSPORT === "socket" ? null : `http://127.0.0.1:${server.address().port}/slack/events`);
process.on("SIGTERM", async () => { await app.stop(); process.exit(0); });
