"""The Slack app of signoff."""
