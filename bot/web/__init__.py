"""The bot's web application: health checks, and the address that Slack sends to."""
