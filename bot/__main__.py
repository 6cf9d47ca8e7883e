"""Owns `python -m bot`: the `signoff` command."""

from .cli import main

main(prog_name="signoff")
