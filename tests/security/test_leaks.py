"""What looks like a secret is found, and what only looks a little like one is not."""

from __future__ import annotations

import hashlib

import pytest

from polotui.core.ids import Chance
from polotui.core.settings.schema import example_environment, example_file
from polotui.security.leaks import assignments, dangerous, entropy, suspicious

_RNG = Chance("leaks").generator()
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def random_text(length: int, letters: str = _LETTERS) -> str:
    return "".join(_RNG.choice(letters) for _ in range(length))


@pytest.mark.parametrize(
    "name",
    [
        *("POLONIEX_API_KEY", "POLONIEX_API_SECRET", "POLONIEX_SECRET", "POLONIEX_KEY", "poloniex_api_secret"),
        *("POLO_API_KEY", "POLOTUI_PASSPHRASE", "POLOTUI_VAULT_PASSWORD", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"),
        *("API_SECRET", "BINANCE_API_SECRET", "MY_EXCHANGE_API_SECRET_KEY", "EXCHANGE_API_KEY", "EXCHANGE_SECRET"),
    ],
)
def test_dangerous_names(name: str) -> None:
    assert dangerous({name: "x", "PATH": "/bin"}) == [name]
    assert dangerous({name: "", "HOME": "/"}) == []
    assert dangerous({name: "  "}) == []


@pytest.mark.parametrize(
    "name",
    [
        *("PATH", "HOME", "LANG", "TRADING_SIMULATION_ONLY", "POLOTUI_FACE_THEME", "POLOTUI_EXCHANGE_REST_URL"),
        *("POLOTUI_FACE_KEYMAP", "POLOTUI_KERNEL_CACHE", "GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "OPENAI_API_KEY"),
        *("SSH_AUTH_SOCK", "KEYTIMEOUT", "ANTHROPIC_MODEL", "XDG_RUNTIME_DIR", "SECRET_SANTA"),
    ],
)
def test_names_that_are_nobodys_business_here(name: str) -> None:
    assert dangerous({name: "value"}) == []


def test_every_setting_may_be_in_the_environment() -> None:
    assert dangerous(assignments(example_environment().replace("# POLOTUI", "POLOTUI"))) == []


def test_lines_of_a_dotenv_file() -> None:
    text = "# POLONIEX_API_KEY=old\nexport A='1'\n B = \"two\" \n\nC:3\nnot a line\nD=\n"
    assert list(assignments(text)) == [("A", "1"), ("B", "two"), ("C", "3"), ("D", "")]


def secrets() -> list[str]:
    upper = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    key = "-".join(random_text(8, upper) for _ in range(4))
    secret = random_text(128, "0123456789abcdef")
    return [
        f"key = {key}",
        f'{{"ts":1,"message":"sent with {key} to the exchange"}}',
        f"the secret is {secret}.",
        f'api_secret = "{secret}"',
        f"apikey: {random_text(24)}",
        '"passphrase": "correct7horse8battery9"',
        f"POLONIEX_API_SECRET={random_text(40, '0123456789abcdef')}",
        f"x sk-ant-api03-{random_text(40)} y",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        *(f"nonce {random_text(64)}" for _ in range(40)),
        *(f'"{random_text(48, _LETTERS + "_-")}"' for _ in range(40)),
    ]


def test_secrets_are_found() -> None:
    missed = [line for line in secrets() if not list(suspicious(line))]
    assert not missed


INNOCENT = [
    "",
    "api_key: ***",
    '{"message":"api_secret=***&signature=***"}',
    "# api_key = your-key-here-1234567",
    "password = changeme-changeme-1",
    "secret = ${POLONIEX_API_SECRET_1}",
    "secret: <the-secret-of-key-1234>",
    "passphrase = twelve words long enough to remember",
    "api_key = none",
    "password: correct horse",
    f"data {hashlib.sha256(b'x').hexdigest()}",
    f'"hash":"{hashlib.sha256(b"y").hexdigest()}"',
    f"commit {hashlib.sha1(b'z').hexdigest()}",
    "request req-k2j4h5k6j7h8 order entry-8f7a6s5d4f3g",
    "clientOrderId pt-0123456789abcdef0123456789abcdef01234567",
    "wss://ws.poloniex.com/ws/public?recvWindow=5000&symbols=BTC_USDT,ETH_USDT,SOL_USDT,XRP_USDT",
    "/srv/somebody/.local/state/polotui/log/engine.log.2026-11-21T10:02:55+00:00",
    "tests/tui/__snapshots__/test_snapshots_backtest/test_the_result_of_a_sweep_with_a_heat_map_120x36.svg",
    "numba.core.errors.TypingError: FailedInTypingPipelineNopythonModeBackend2NumbaCompilerPassV0661",
    "TestTheEngineStartsAgainAfterItWasKilledAndAllOrdersAreResolved2026",
    "ema_pullback_4h_fast_9_slow_21_confirm_1d_volume_filter_atr_stop_2_5_target_3_0",
    "aaaaaaaaaaAAAAAAAAAA11111111112222222222bbbbbbbbbb",
    "A1a" * 20,
    "9f86d081-884c-4d65-9a2f-eaa0c55ad015",
    "2026-11-21 10:02:55 BTC_USDT 61204.10 61204.20 0.03100000 12345678901234567890123456789012345678901234567",
]


@pytest.mark.parametrize("line", INNOCENT, ids=range(len(INNOCENT)))
def test_what_is_no_secret_is_left_alone(line: str) -> None:
    assert list(suspicious(line)) == []


def test_our_own_example_is_innocent() -> None:
    assert list(suspicious(example_file())) == []


def test_the_line_is_named_and_the_value_never() -> None:
    value = random_text(40)
    [(line, what)] = suspicious(f"[a]\nb = 1\nmy_api_secret = '{value}'\n")
    assert (line, what) == (3, "a value named my_api_secret")
    assert value not in what


def test_entropy_is_shannons() -> None:
    assert entropy("") == 0
    assert entropy("aaaa") == 0
    assert entropy("abcd") == 2


@pytest.mark.parametrize(
    "piece", ["a-", "a.", "apikey", "secret=", "password  ", "sk-", "A1b-", "-----BEGIN A", "0", "_", "aA1", "secret:'"]
)
def test_a_line_made_to_be_slow_is_read_to_its_end(piece: str) -> None:
    """Read in time that grows with its length: with its square, this would take minutes."""
    line = piece * (60_000 // len(piece))
    key = "-".join(["ABCD1234"] * 4)
    assert (2, "a Poloniex key") in list(suspicious(f"{line}\nsent with {key}\n{line} "))
    text = f"A={' ' * 60_000}x{' ' * 60_000}y\n{line}={line}\nB=2\n"
    assert [name for name, _ in assignments(text) if len(name) == 1] == ["A", "B"]
