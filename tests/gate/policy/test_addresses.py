"""Addresses: the host is what a client would connect to, or nobody can tell."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate import PermissionTarget, PolicyError, url_pattern
from gate.policy.addresses import read_address


def fits(url: object, *patterns: str) -> bool | None:
    return url_pattern(*patterns)(PermissionTarget.tool("http_get", {"url": url}))


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://api.trusted.com/", True),
        ("https://api.trusted.com", True),
        ("https://a.b.trusted.com/x/y?q=1#top", True),
        ("HTTPS://API.Trusted.COM/x", True),
        ("https://api.trusted.com:443/x", True),
        ("https://api.trusted.com./x", True),
        ("https://api.trusted.com/@scope/x", True),
        ("https://api.trusted.com/%7euser", True),
        # Other hosts.
        ("https://evil.com/?x=.trusted.com/", False),
        ("https://evil.com/.trusted.com/", False),
        ("https://evil.com#.trusted.com/", False),
        ("https://trusted.com/", False),
        ("https://eviltrusted.com/", False),
        ("https://api.trusted.com.evil.com/", False),
        ("http://api.trusted.com/", False),
        ("https://xn--rusted-9db.com/", False),
        # User names, and readers that look for the last @.
        ("https://api.trusted.com@evil.com/", None),
        ("https://user:pass@api.trusted.com/", None),
        ("https://evil.com?@api.trusted.com/", None),
        ("https://api.trusted.com#@evil.com", None),
        # Backslashes, white space, line breaks, hidden and foreign letters.
        ("https://evil.com\\@api.trusted.com/", None),
        ("https:\\\\api.trusted.com/", None),
        ("https://api.trusted.com/a b", None),
        (" https://api.trusted.com/", None),
        ("https://api.trusted.com/\n", None),
        ("https://api.trusted.com/\r\nHost: evil.com", None),
        ("https://api.tru\u200bsted.com/", None),
        ("https://api.trusted\u3002com/", None),
        ("https://\uff41pi.trusted.com/", None),
        # Slashes and schemes that browsers repair.
        ("https:/api.trusted.com/", None),
        ("https:api.trusted.com/", None),
        ("https:///api.trusted.com/", None),
        ("//api.trusted.com/", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("file:///etc/passwd", None),
        # Ports.
        ("https://api.trusted.com:8443/", None),
        ("https://api.trusted.com:99999/", None),
        ("https://api.trusted.com:x/", None),
        ("https://api.trusted.com:0443/", True),
        ("https://api.trusted.com:/", True),
        # Hosts that are none.
        ("https://api..trusted.com/", None),
        ("https://.trusted.com/", None),
        ("https://api.trusted.com../", None),
        ("https://api%2etrusted.com/", None),
        ("https:///", None),
        # Paths that climb or are read twice.
        ("https://api.trusted.com/a/../b", None),
        ("https://api.trusted.com/a/./b", None),
        ("https://api.trusted.com/a/%2e%2e/b", None),
        ("https://api.trusted.com/a/%2e./b", None),
        ("https://api.trusted.com/..;/b", None),
        ("https://api.trusted.com//b", None),
        ("https://api.trusted.com/a%2fb", None),
        ("https://api.trusted.com/a%5cb", None),
        ("https://api.trusted.com/%252e%252e/b", None),
        ("https://api.trusted.com/%00", None),
        ("https://api.trusted.com/%zz", None),
        # Not a text.
        (None, None),
        (["https://api.trusted.com/"], None),
        ("https://api.trusted.com/" + "a" * 9000, None),
    ],
)
def test_below_a_name(url: object, expected: bool | None):
    """`https://*.trusted.com/**` surely fits hosts below that name, over its own port."""
    assert expected == fits(url, "https://*.trusted.com/**")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1/", True),
        ("http://127.0.0.1:80/", True),
        ("http://2130706433/", None),
        ("http://0x7f000001/", None),
        ("http://0x7f.0.0.1/", None),
        ("http://0177.0.0.1/", None),
        ("http://127.1/", None),
        ("http://127.0.0.01/", None),
        ("http://127.0.0.1./", None),
        ("http://127.0.0.1:8080/", None),
        ("http://[::ffff:127.0.0.1]/", None),
        ("http://[::ffff:7f00:1]/", None),
        ("http://[::127.0.0.1]/", None),
        ("http://[64:ff9b::7f00:1]/", None),
        ("http://[2002:7f00:1::]/", None),
        ("http://[::1%25lo]/", None),
        ("http://[::1]/", False),
        ("http://127.0.0.2/", False),
    ],
)
def test_numbers(url: str, expected: bool | None):
    """An address has one spelling; every other may be it."""
    assert expected == fits(url, "http://127.0.0.1/**")


def test_one_spelling_of_long_numbers():
    """IPv6 is compared by value."""
    assert True is fits("http://[0:0:0:0:0:0:0:1]/", "http://[::1]/**")
    assert True is fits("http://[2001:DB8:0::1]/", "http://[2001:db8::1]/**")


@pytest.mark.parametrize(
    ("pattern", "url", "expected"),
    [
        ("https://a.example/v1/*", "https://a.example/v1/x", True),
        ("https://a.example/v1/*", "https://a.example/v1/x/y", False),
        ("https://a.example/v1/**", "https://a.example/v1", True),
        ("https://a.example/v1/**", "https://a.example/v1/", True),
        ("https://a.example/v1/**", "https://a.example/v10", False),
        ("https://a.example/v1/**", "https://a.example/V1/x", None),
        ("https://a.example/v1/x", "https://a.example/v1/%78?any=1", True),
        ("https://a.example/x?page=*", "https://a.example/x?page=2", True),
        ("https://a.example/x?page=*", "https://a.example/x?q=2&page=2", False),
        ("https://a.example/x?page=*", "https://a.example/x?%70age=2", True),
        ("https://a.example/x?page=*", "https://a.example/x?p%C3%A4ge=2", None),
        ("https://a.example/x", "https://a.example/x?to=https%3A%2F%2Fb.example&100%25", True),
        ("https://a.example/x?", "https://a.example/x?q", False),
        ("https://a.example/x?", "https://a.example/x", True),
        ("https://a.example:8443/**", "https://a.example:8443/x", True),
        ("https://a.example:8443/**", "https://a.example/x", False),
        ("https://a.example:*/**", "https://a.example:1/x", True),
        ("*://a.example/**", "http://a.example/x", True),
        ("https://*/**", "https://anything.example/x", True),
    ],
)
def test_parts(pattern: str, url: str, expected: bool | None):
    """Scheme, port, path and query are each compared for themselves."""
    assert expected == fits(url, pattern)


@pytest.mark.parametrize(
    "pattern",
    ["", "a.example/**", "https://a.example", "https://A.example/", "https://a*.example/",
     "https://u@a.example/", "https://a.example\\/", "https://a.example/../x", "https://127.1/",
     "https://a..example/", "https://exämple.com/", "https://a.example:0/x", "https://a.example/#x",
     "https://a.example/%2f", "https://a.example/a**", "https://*.*.example/"],
)  # fmt: skip
def test_patterns_that_cannot_be(pattern: str):
    """A pattern with no single reading is refused when the policy is made."""
    with pytest.raises(PolicyError):
        url_pattern(pattern)


PIECES = st.lists(
    st.sampled_from(["https", "http", "://", "//", "/", "a.example", "evil.example", "@", ":", "80",
                     "?", "#", "\\", "%2e", "..", ".", "[::1]", "127.0.0.1", "0x7f.1", "x"]),
    max_size=9,
).map("".join)  # fmt: skip


@given(PIECES)
def test_the_host_is_the_one_that_a_client_sees(url: str):
    """Where there is a reading, the standard library's reader sees the same host."""
    address = read_address(url)
    if address is not None:
        seen = urlsplit(url)
        assert (seen.hostname or "").removesuffix(".") == address.host.strip("[]")
        assert None is seen.username
