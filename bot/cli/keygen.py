"""Owns `signoff keygen`: the operator's keys, made once and rotated."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import click

from gate import USE_WITHIN
from stores import key_folder

from ..keyring import open_keyring, rotate
from .output import print_json

__all__ = ["keygen"]


@click.command()
@click.option(
    "--rotate", "new", is_flag=True, help="Make a new key; the old one verifies for a day."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def keygen(*, new: bool, as_json: bool) -> None:
    """Make the keys that sign decisions, or say what they are.

    They lie in the folder SIGNOFF_KEYS, by default beside the data of the embedded server. Replicas
    of the bot share its content. Agents get only the printed list of public keys, in
    SIGNOFF_PUBLIC_KEYS or in a file that SIGNOFF_PUBLIC_KEYS_FILE names.
    """
    folder = key_folder(dict(os.environ), create=True)  # noqa: TID251  (a composition root)
    if new:
        ring = rotate(folder, now=datetime.now(UTC), grace=USE_WITHIN)  # noqa: TID251  (as above)
    else:
        ring = open_keyring(folder, create=True)
    keys = ring.public_keys.read_text(encoding="utf-8").split()
    if as_json:
        print_json({"folder": str(folder), "key_id": ring.key.public.id, "public_keys": keys})
        return
    click.echo(f"keys in {folder}; new decisions are signed with {ring.key.public.id}", err=True)
    click.echo("for the agents:", err=True)
    click.echo(f"SIGNOFF_PUBLIC_KEYS={','.join(keys)}")
