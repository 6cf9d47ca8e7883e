"""Slack as one chat of the bot: ids, limits, text safety, rendering, and the app itself."""
