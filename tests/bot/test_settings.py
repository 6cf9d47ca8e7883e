"""Settings: what the bot starts with, and every wrong value as one sentence that names it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from bot.routing import AgentRule, Demand, RouteRule, Step
from bot.settings import ENVIRONMENT, Settings, read_masking, read_settings
from gate import ConfigError

SECRET = "s3cret-Value"
GIVEN = {"SLACK_BOT_TOKEN": f"xoxb-{SECRET}", "SLACK_APP_TOKEN": f"xapp-{SECRET}"}
ROUTES = """
[[routes]]
channel = "C0APPROVALS"
approvers = ["U0ANA"]
"""


def settings(folder: Path, text: str = ROUTES, **environ: str) -> Settings:
    """Read the settings of a file with *text*."""
    (folder / "signoff.toml").write_text(text, encoding="utf-8")
    return read_settings(GIVEN | environ, directory=folder)


def refusal(folder: Path, text: str = ROUTES, **environ: str) -> ConfigError:
    """Return the error that stops the start."""
    with pytest.raises(ConfigError) as caught:
        settings(folder, text, **environ)
    assert SECRET not in f"{caught.value} {caught.value!r} {caught.value.__cause__}"
    return caught.value


def test_the_least_that_works(tmp_path: Path):
    """Two tokens and one route are enough; everything else has a safe default."""
    found = settings(tmp_path)
    assert ("127.0.0.1", 8080) == (found.host, found.port)
    assert "https://slack.com/api/" == found.api_url
    assert found.socket_mode
    assert found.redis_url is None
    assert ("console", "info", 600.0) == (
        found.log_format,
        found.log_level,
        found.undeliverable_after,
    )
    assert (
        RouteRule(channel="C0APPROVALS", approvers=("U0ANA",), notify=("mention",)),
    ) == found.routes


def test_what_is_masked(tmp_path: Path):
    """Names and shapes beside the defaults, and routes that reveal nothing."""
    text = """
    [masking]
    keys = ["patient number"]
    shapes = ["ACME-[0-9]+"]
    [[routes]]
    channel = "C0APPROVALS"
    approvers = ["U0ANA"]
    reveal = false
    """
    found = settings(tmp_path, text)
    assert (("patient number",), ("ACME-[0-9]+",)) == (found.masking.keys, found.masking.shapes)
    assert not found.routes[0].reveal
    assert (settings(tmp_path).masking.keys, settings(tmp_path).routes[0].reveal) == ((), True)


@pytest.mark.parametrize(
    "wrong",
    ['keys = ["--"]', 'keys = "password"', 'shapes = ["("]', 'shapes = ["a*"]', "other = 1",
     f'shapes = ["{"a" * 501}"]'],
)  # fmt: skip
def test_what_cannot_be_masked(tmp_path: Path, wrong: str):
    """A wrong name or shape stops the start: it would mask nothing, or everything."""
    assert "masking" in str(refusal(tmp_path, f"[masking]\n{wrong}\n{ROUTES}"))


def test_the_command_line_masks_the_same(tmp_path: Path):
    """It reads the file that is named or lies there; without one the defaults count."""
    assert () == read_masking({}, directory=tmp_path).keys
    (tmp_path / "signoff.toml").write_text(f'[masking]\nkeys = ["x y"]\n{ROUTES}')
    assert ("x y",) == read_masking({}, directory=tmp_path).keys
    with pytest.raises(ConfigError):
        read_masking({"SIGNOFF_CONFIG": "missing.toml"}, directory=tmp_path)


def test_everything_that_can_be_set(tmp_path: Path):
    """Every variable and every key of the file arrives."""
    text = """
    undeliverable_after = "5m"
    [[routes]]
    agent = ["billing", "ops-*"]
    name = "delete-*"
    namespace = "prod"
    channel = "G0PRIVATE"
    approvers = ["U0ANA", "W0BEN", "S0OWNERS", "cli:ana", 'cli:DOMAIN\\ana']
    expires_in = "30m"
    notify = ["mention", "dm"]
    """
    found = settings(
        tmp_path,
        text,
        SLACK_SIGNING_SECRET=SECRET,
        SLACK_API_URL="http://127.0.0.1:9/api",
        SIGNOFF_REDIS_URL=f"redis://:{SECRET}@127.0.0.1/0",
        SIGNOFF_LISTEN="[::1]:0",
        SIGNOFF_LOG_FORMAT="json",
        SIGNOFF_LOG_LEVEL="debug",
    )
    assert ("::1", 0) == (found.host, found.port)
    assert "http://127.0.0.1:9/api/" == found.api_url
    assert ("json", "debug", 300.0) == (
        found.log_format,
        found.log_level,
        found.undeliverable_after,
    )
    assert (
        RouteRule(
            agents=("billing", "ops-*"),
            names=("delete-*",),
            namespaces=("prod",),
            channel="G0PRIVATE",
            approvers=("U0ANA", "W0BEN", "S0OWNERS", "cli:ana", "cli:DOMAIN\\ana"),
            expires_in=1800.0,
            notify=("mention", "dm"),
        ),
    ) == found.routes


def test_no_secret_is_shown(tmp_path: Path):
    """Neither `repr` nor `str` nor a dump of the settings holds a token, secret or password."""
    found = settings(
        tmp_path,
        SLACK_SIGNING_SECRET=SECRET,
        SIGNOFF_REDIS_URL=f"redis://:{SECRET}@127.0.0.1/0",
    )
    assert SECRET not in f"{found!r} {found} {found.model_dump()} {found.model_dump_json()}"


@pytest.mark.parametrize(
    ("environ", "place"),
    [
        ({"SLACK_BOT_TOKEN": ""}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": f"xoxp-{SECRET}"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": f"xoxb-{SECRET}\n"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_BOT_TOKEN": f"xoxb-{SECRET}é"}, "SLACK_BOT_TOKEN"),
        ({"SLACK_APP_TOKEN": f"xoxb-{SECRET}"}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": f"xapp-{SECRET} "}, "SLACK_APP_TOKEN"),
        ({"SLACK_APP_TOKEN": ""}, "SLACK_APP_TOKEN"),
        ({"SLACK_SIGNING_SECRET": "   "}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_SIGNING_SECRET": f"{SECRET}\n"}, "SLACK_SIGNING_SECRET"),
        ({"SLACK_API_URL": "slack.com/api/"}, "SLACK_API_URL"),
        ({"SLACK_API_URL": f"https://a:{SECRET}@slack.com/api/"}, "SLACK_API_URL"),
        ({"SIGNOFF_LISTEN": "8080"}, "SIGNOFF_LISTEN"),
        ({"SIGNOFF_LISTEN": "127.0.0.1:65536"}, "SIGNOFF_LISTEN"),
        ({"SIGNOFF_LISTEN": ":8080"}, "SIGNOFF_LISTEN"),
        ({"SIGNOFF_LOG_FORMAT": "xml"}, "SIGNOFF_LOG_FORMAT"),
        ({"SIGNOFF_LOG_LEVEL": "loud"}, "SIGNOFF_LOG_LEVEL"),
        ({"SIGNOFF_CONFIG": "elsewhere.toml"}, "SIGNOFF_CONFIG"),
        ({"SIGNOFF_CONFIG": "."}, "SIGNOFF_CONFIG"),
        ({"SLACK_CLIENT_ID": "1", "SLACK_CLIENT_SECRET": SECRET}, "SLACK_CLIENT_ID"),
        ({"SLACK_CLIENT_ID": "", "SLACK_CLIENT_SECRET": ""}, "SLACK_CLIENT_ID"),
    ],
)
def test_a_wrong_variable_stops_the_start_by_its_name(
    tmp_path: Path, environ: dict[str, str], place: str
):
    """A wrong, missing or half-set variable is named; what it held is not repeated."""
    assert refusal(tmp_path, **environ).setting.startswith(place)


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"SIGNOFF_LISTEN": "8080"}, "it must be host:port, such as 127.0.0.1:8080"),
        (
            {"SLACK_API_URL": "localhost"},
            "it must be the address of a Web API, https://… without a user's name",
        ),
    ],
)
def test_an_address_that_is_none_is_shown_one(tmp_path: Path, environ: dict[str, str], said: str):
    """What is expected is said in words, not as a pattern."""
    assert said == refusal(tmp_path, **environ).reason


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ('approvers = ["U0ANA"]', "route 1, channel"),
        ('channel = "#general"\napprovers = ["U0ANA"]', "route 1, channel"),
        ('channel = "U0ANA"\napprovers = ["U0ANA"]', "route 1, channel"),
        ('channel = "C0A\\n"\napprovers = ["U0ANA"]', "route 1, channel"),
        ('channel = "C0A"', "route 1"),
        ('channel = "C0A"\napprovers = []', "route 1, approvers"),
        ('channel = "C0A"\napprovers = "U0ANA"', "route 1, approvers"),
        ('channel = "C0A"\napprovers = ["ana"]', "route 1, approvers"),
        ('channel = "C0A"\napprovers = ["U0ANA", "U0ANA "]', "route 1, approvers"),
        ('channel = "C0A"\napprovers = ["cli:"]', "route 1, approvers"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\napprover = ["U0BEN"]', "route 1, approver"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nagent = []', "route 1, agent"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nname = ""', "route 1, name"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nnamespace = 7', "route 1, namespace"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nnotify = ["shout"]', "route 1, notify"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = "soon"', "route 1, expires_in"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = "0s"', "route 1, expires_in"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = "91d"', "route 1, expires_in"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = true', "route 1, expires_in"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = nan', "route 1, expires_in"),
        ('channel = "C0A"\napprovers = ["U0ANA"]\nexpires_in = -1', "route 1, expires_in"),
    ],
)
def test_a_wrong_route_stops_the_start_by_its_place(tmp_path: Path, line: str, place: str):
    """The sentence names the file and the place in it; an empty approver list is one of them."""
    error = refusal(tmp_path, f"[[routes]]\n{line}\n")
    assert error.setting.startswith("SIGNOFF_CONFIG (signoff.toml)")
    assert place in error.setting


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('chanel = "C0A"', "route 2, chanel: there is no such key; is 'channel' meant?"),
        ('channel = "C0A"\nwho = "me"', "route 2, who: there is no such key"),
        (
            'channel = "#ops"',
            "route 2, channel: a channel is named by its id (C… or G…), not by its name",
        ),
        ('channel = "C0A"\napprovers = "U0ANA"', "route 2, approvers: it must be a list, in [ ]"),
        ('approvers = ["U0ANA"]', "route 2, channel: it is not set"),
        (
            'channel = "C0A"\napprovers = ["U0ANA", "ana"]',
            "route 2, approvers 2: an approver is a user id (U…), a user group id (S…) or "
            "cli:<login name>",
        ),
        (
            'channel = "C0A"\n[[routes.quorums]]\nname = "a"\nof = ["U0ANA"]\nneeds = 1',
            "route 2, quorum 1, needs: there is no such key; is 'needed' meant?",
        ),
        (
            'channel = "C0A"\napprovers = ["U0ANA"]\n[agents.billing]\nowners = "U0ANA"',
            "agents, billing, owners: there is no such key; is 'owner' meant?",
        ),
        (
            'channel = "C0A"\napprovers = ["U0ANA"]\nteams = ["ours"]',
            "route 2, teams 1: a workspace is named by its id (T… or E…)",
        ),
    ],
)
def test_a_mistake_in_the_file_says_what_would_do(tmp_path: Path, line: str, said: str):
    """A slip is told in words of the file, with routes counted from one, as the doctor does."""
    error = refusal(tmp_path, f"{ROUTES}\n[[routes]]\n{line}\n")
    assert f"SIGNOFF_CONFIG (signoff.toml): {said}" == str(error)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "routes"),
        ("routes = []", "routes"),
        ("[[routes]", "not TOML"),
        (f"{ROUTES}\n[extra]\n", "extra"),
        (f'undeliverable_after = "x"\n{ROUTES}', "undeliverable_after"),
    ],
)
def test_a_wrong_file_stops_the_start(tmp_path: Path, text: str, word: str):
    """No file without a route, with unknown tables or half written widens anything."""
    assert word in str(refusal(tmp_path, text))


def test_a_file_that_is_no_text_is_refused(tmp_path: Path):
    """Bytes that are no UTF-8 end in a sentence."""
    (tmp_path / "signoff.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_settings(GIVEN, directory=tmp_path)


def test_the_later_route_is_named_by_its_number(tmp_path: Path):
    """Of several routes the wrong one is named."""
    text = f'{ROUTES}\n[[routes]]\nchannel = "C0A"\napprovers = []\n'
    assert "route 2, approvers" in refusal(tmp_path, text).setting


@pytest.mark.parametrize(
    ("text", "seconds"),
    [('"90s"', 90.0), ('"30m"', 1800.0), ('"24h"', 86400.0), ('"7d"', 604800.0), ("45", 45.0)],
)
def test_durations(tmp_path: Path, text: str, seconds: float):
    """A duration is a number of seconds, or a number with its unit."""
    found = settings(tmp_path, f"undeliverable_after = {text}\n{ROUTES}")
    assert seconds == found.undeliverable_after


def test_either_way_in_is_enough(tmp_path: Path):
    """A signing secret alone means HTTP; beside an app token Socket Mode is used."""
    (tmp_path / "signoff.toml").write_text(ROUTES)
    environ = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_SIGNING_SECRET": SECRET}
    assert not read_settings(environ, directory=tmp_path).socket_mode
    assert settings(tmp_path, SLACK_SIGNING_SECRET=SECRET).socket_mode


def test_an_absolute_path_and_a_relative_one(tmp_path: Path):
    """`SIGNOFF_CONFIG` is read as it stands, or from the working folder."""
    (tmp_path / "mine.toml").write_text(ROUTES)
    for path in ("mine.toml", str(tmp_path / "mine.toml")):
        found = read_settings(GIVEN | {"SIGNOFF_CONFIG": path}, directory=tmp_path)
        assert 1 == len(found.routes)


def test_eviction_is_allowed_by_one_word_only(tmp_path: Path):
    """`1` allows it, `0` and nothing do not; any other word stops the start."""
    said = [settings(tmp_path, SIGNOFF_ALLOW_EVICTION=each) for each in ("1", "0", "")]
    assert [True, False, False] == [each.allow_eviction for each in said]
    for word in ("yes", "true", "2", "noeviction"):
        with pytest.raises(ConfigError, match="SIGNOFF_ALLOW_EVICTION: it must be 0 or 1"):
            settings(tmp_path, SIGNOFF_ALLOW_EVICTION=word)


def test_every_variable_is_described():
    """The list of variables, which the documentation is made from, knows each that is read."""
    read = {field.alias for field in Settings.model_fields.values() if field.alias}
    assert read | {"SIGNOFF_CONFIG"} == set(ENVIRONMENT)
    assert all(ENVIRONMENT.values())


def test_a_config_error_travels(tmp_path: Path):
    """The error survives a process boundary, without a secret."""
    error = refusal(tmp_path, SLACK_BOT_TOKEN=f"xoxp-{SECRET}")
    assert "SLACK_BOT_TOKEN" == pickle.loads(pickle.dumps(error)).setting


WHOLE = """
[agents.billing]
owner = "U0ANA"
principal = "cli:ana"

[[routes]]
channel = "C0APPROVALS"
deny_threshold = 2
teams = ["T0PARTNER"]
self_approval = true

[[routes.quorums]]
name = "security"
of = ["S0SECURITY"]

[[routes.quorums]]
name = "owners"
of = ["U0ANA", "U0BEN", "T0PARTNER:U0EXT"]
needed = 2

[[routes.ladder]]
after = "10m"
action = "remind"

[[routes.ladder]]
after = "30m"
action = "widen"
also = ["S0LEADS"]

[[routes.ladder]]
after = "1h"
action = "move"
channel = "C0URGENT"
"""


def test_quorums_ladder_and_agents(tmp_path: Path):
    """Who is needed, what happens if nobody answers, and whose an agent is."""
    found = settings(tmp_path, WHOLE)
    [rule] = found.routes
    assert (
        Demand(name="security", of=("S0SECURITY",)),
        Demand(name="owners", of=("U0ANA", "U0BEN", "T0PARTNER:U0EXT"), needed=2),
    ) == rule.demands
    assert (2, ("T0PARTNER",), True) == (rule.deny_threshold, rule.teams, rule.self_approval)
    assert (
        Step(after=600, action="remind"),
        Step(after=1800, action="widen", also=("S0LEADS",)),
        Step(after=3600, action="move", channel="C0URGENT"),
    ) == rule.ladder
    assert {"billing": AgentRule(owner="U0ANA", principal="cli:ana")} == found.agents
    assert ("edit", "override") == rule.answers


@pytest.mark.parametrize("listed", [(), ("skip",), ("edit", "override", "skip")])
def test_further_answers(tmp_path: Path, listed: tuple[str, ...]):
    """What people may answer besides yes and no is listed; an empty list means nothing more."""
    line = f"answers = {json.dumps(listed)}"
    [rule] = settings(tmp_path, WHOLE.replace("self_approval = true", line)).routes
    assert listed == rule.answers


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('of = ["S0SECURITY"]', "of = []"),
        ('of = ["S0SECURITY"]', 'of = ["security"]'),
        ("needed = 2", "needed = 4"),
        ("needed = 2", "needed = 0"),
        ("needed = 2", 'needed = "2"'),
        ("deny_threshold = 2", 'approvers = ["U0ANA"]'),
        ("deny_threshold = 2", "needed = 2"),
        ('action = "remind"', 'action = "expire"'),
        ('action = "remind"', 'action = "remind"\nalso = ["U0ANA"]'),
        ('action = "remind"', 'action = "move"'),
        ('action = "remind"', 'action = "widen"'),
        ('after = "10m"', 'after = "2h"'),
        ('owner = "U0ANA"', 'owner = "ana"'),
        ('owner = "U0ANA"', 'owner = "S0SECURITY"'),
        ('owner = "U0ANA"', 'boss = "U0ANA"'),
        ('teams = ["T0PARTNER"]', 'teams = ["partner"]'),
        ("self_approval = true", "self_approval = 1"),
        ("self_approval = true", 'answers = ["edit", "edit"]'),
        ("self_approval = true", 'answers = ["approve"]'),
        ("self_approval = true", 'answers = "edit"'),
    ],
)
def test_half_a_quorum_ladder_or_agent_stops_the_start(tmp_path: Path, old: str, new: str):
    """What cannot be answered, or says too little or too much, is refused by its place."""
    assert old in WHOLE
    assert "SIGNOFF_CONFIG" in refusal(tmp_path, WHOLE.replace(old, new, 1)).setting


def test_a_secret_that_anybody_could_guess(tmp_path: Path):
    """Buttons are sealed with a secret of the operator's only if it is long enough."""
    given = "a-secret-of-thirty-two-characters"
    found = settings(tmp_path, SIGNOFF_SECRET=given)
    assert found.secret is not None
    assert given == found.secret.get_secret_value()
    assert given not in repr(found)
    for short in (SECRET, f"{SECRET} with blanks and more than enough characters"):
        assert "SIGNOFF_SECRET" == refusal(tmp_path, SIGNOFF_SECRET=short).setting
