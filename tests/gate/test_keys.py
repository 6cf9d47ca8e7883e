"""Keys: their text, their retirement, and what is no key."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate import ConfigError, PublicKey, SigningKey, configured_keys, read_public_keys

P = 2**255 - 19


def test_a_key_reads_back_from_its_text() -> None:
    """The text of a public key, and the PEM of a signing key, give the same key again."""
    key = SigningKey.generate()
    assert key.public == PublicKey.parse(str(key.public))
    assert key.public == SigningKey.from_pem(key.to_pem()).public
    assert 16 == len(key.public.id)
    retired = PublicKey.parse(f"{key.public}@2027-01-31")
    assert datetime(2027, 1, 31, tzinfo=UTC) == retired.retired_at
    assert retired == PublicKey.parse(str(retired))
    assert key.public.id == retired.id


def test_a_signature_is_over_exactly_its_message() -> None:
    """Another message, another key or another signature does not verify."""
    key, other = SigningKey.generate(), SigningKey.generate()
    signature = key.sign(b"message")
    assert key.public.verifies(signature, b"message")
    assert not key.public.verifies(signature, b"messages")
    assert not other.public.verifies(signature, b"message")
    assert not key.public.verifies(bytes([signature[0] ^ 1]) + signature[1:], b"message")
    assert not key.public.verifies(b"", b"message")


def _add(a: tuple[int, int], b: tuple[int, int]) -> tuple[int, int]:
    """Return the sum of two points of the curve (RFC 8032, part 5.1.4, affine)."""
    d = -121665 * pow(121666, P - 2, P) % P
    (x1, y1), (x2, y2) = a, b
    m = d * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + m, P - 2, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - m, P - 2, P) % P
    return x, y


def _x_of(y: int) -> int:
    d = -121665 * pow(121666, P - 2, P) % P
    square = (y * y - 1) * pow(d * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    return x if (x * x - square) % P == 0 else x * pow(2, (P - 1) // 4, P) % P


@pytest.mark.parametrize(
    "y",
    [
        0,
        1,
        P - 1,
        P,
        P + 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    ],
)
@pytest.mark.parametrize("sign", [0, 1])
def test_keys_of_low_order_are_no_keys(y: int, sign: int) -> None:
    """A point that is nothing after three doublings proves nothing; each spelling is refused."""
    point = (_x_of(y % P), y % P)
    for _ in range(3):
        point = _add(point, point)
    assert (0, 1) == point
    raw = (y | sign << 255).to_bytes(32, "little")
    with pytest.raises(ValueError, match="prove"):
        PublicKey(raw)
    with pytest.raises(ConfigError):
        read_public_keys("ed25519:" + base64.urlsafe_b64encode(raw).decode()[:43], setting="X")


@pytest.mark.parametrize(
    "text",
    ["", "ed25519:", "ed25519:short", "rsa:" + "A" * 43, "@2027-01-01", "ed25519:" + "*" * 43],
)
def test_what_is_no_key_is_said_to_be_none(text: str) -> None:
    """The error names the setting and the place in the list."""
    with pytest.raises(ConfigError, match="SETTING"):
        read_public_keys(text, setting="SETTING")


def test_a_list_of_keys() -> None:
    """Commas, white space, lines and comments; no key twice and no more than 32."""
    one, two = SigningKey.generate().public, SigningKey.generate().public
    assert (one, two) == read_public_keys(f"{one}, # the first\n {two}\n", setting="X")
    assert (one, two) == read_public_keys(f"# old\n{one}\n{two} # new", setting="X")
    for text in (f"{one} {one}", " ".join(str(SigningKey.generate().public) for _ in range(33))):
        with pytest.raises(ConfigError):
            read_public_keys(text, setting="X")
    with pytest.raises(ConfigError, match="X: key 1"):
        read_public_keys(f"{one}@soon", setting="X")


@pytest.mark.parametrize("pem", [b"", b"-----BEGIN", b"\xff" * 40])
def test_what_is_no_signing_key_is_refused(pem: bytes) -> None:
    """Garbage is a `ValueError` without its content."""
    with pytest.raises(ValueError, match="PEM"):
        SigningKey.from_pem(pem)


def test_where_keys_are_looked_for(tmp_path: Path) -> None:
    """The list, then the named file, then the machine's own; a file others may write stops it."""
    keys = [SigningKey.generate().public for _ in range(3)]
    named, own = tmp_path / "named", tmp_path / "own"
    named.write_text(str(keys[1]))
    own.write_text(str(keys[2]))
    everything = {"SIGNOFF_PUBLIC_KEYS": str(keys[0]), "SIGNOFF_PUBLIC_KEYS_FILE": str(named)}
    assert (keys[0],) == configured_keys(everything, own=own)
    only_file = {"SIGNOFF_PUBLIC_KEYS_FILE": str(named)}
    assert (keys[1],) == configured_keys(only_file, own=own)
    assert (keys[2],) == configured_keys({}, own=own)
    assert () == configured_keys({}, own=tmp_path / "absent")
    assert () == configured_keys({})
    named.chmod(0o666)
    with pytest.raises(ConfigError, match="SIGNOFF_PUBLIC_KEYS_FILE"):
        configured_keys(only_file)
    named.unlink()
    with pytest.raises(ConfigError, match="SIGNOFF_PUBLIC_KEYS_FILE"):
        configured_keys(only_file)
    with pytest.raises(ConfigError, match="no file"):
        configured_keys({"SIGNOFF_PUBLIC_KEYS_FILE": str(tmp_path)})
