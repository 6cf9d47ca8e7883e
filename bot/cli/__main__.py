"""Owns `python -m bot.cli`: the command, where it is not on the path."""

from .main import main

main(prog_name="signoff")
