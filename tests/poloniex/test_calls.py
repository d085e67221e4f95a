"""What an answer means, what is repeated and what never is. Scripted transport, virtual time."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable

import msgspec
import pytest

from polotui.core.errors import Refused
from polotui.core.ids import Chance
from polotui.poloniex.calls import RestSettings
from polotui.poloniex.errors import (
    AuthRefused,
    BadReply,
    ClockSkewed,
    ExchangeBusy,
    ExchangeDown,
    ExchangeError,
    NotReached,
    OutcomeUnknown,
    RequestRefused,
)
from polotui.poloniex.rest import SpotRest, pool_of
from polotui.poloniex.signing import SecretSigner
from polotui.poloniex.transport import HttpReply, TransportFailed
from tests.poloniex.virtual import LoopClock, run

Step = HttpReply | Exception
TIME = b'{"serverTime":1780000100000}'


def reply(status: int, body: object = None, **headers: str) -> HttpReply:
    return HttpReply(
        status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()
    )


class Script:
    """A transport that answers step by step; the last step is repeated. `/timestamp` tells the loop's time."""

    def __init__(self, clock: LoopClock, *steps: Step) -> None:
        self.clock = clock
        self.steps = list(steps)
        self.sent: list[tuple[float, str, str, dict[str, str], str]] = []
        self.times_asked = 0
        self.server_ahead_ms = 0

    async def send(self, method: str, target: str, headers: dict[str, str], body: str, deadline_s: float) -> HttpReply:
        if target == "/timestamp":
            self.times_asked += 1
            return reply(200, {"serverTime": self.clock.wall_ms() + self.server_ahead_ms})
        self.sent.append((self.clock.monotonic(), method, target, headers, body))
        step = self.steps[0] if len(self.steps) == 1 else self.steps.pop(0)
        if isinstance(step, Exception):
            raise step
        return step

    async def close(self) -> None: ...


def played(
    check: Callable[[SpotRest, Script], object], *steps: Step, read_only: bool = False, **settings: object
) -> Script:
    """Runs `check` against a client whose transport answers with `steps`."""

    async def main() -> Script:
        clock = LoopClock()
        script = Script(clock, *steps)
        rest = SpotRest(
            clock=clock,
            chance=Chance("calls"),
            http=script,
            signer=SecretSigner("k", b"s"),
            read_only=read_only,
            settings=RestSettings(**settings),
        )
        await check(rest, script)  # type: ignore[misc]
        return script

    return run(main())


PRICE = reply(200, {"symbol": "BTC_USDT", "price": "1.5", "time": 1, "dailyChange": "0.0", "ts": 1})
LOST = TransportFailed("ReadTimeout", maybe_sent=True)
UNSENT = TransportFailed("ConnectError", maybe_sent=False)


@pytest.mark.parametrize("trouble", [LOST, UNSENT, reply(500), reply(502, "<html>"), reply(400, {"code": 24201})])
def test_a_read_is_repeated_until_it_is_answered(trouble: Step) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        assert (await rest.price("BTC_USDT")).price == 1.5

    script = played(check, trouble, trouble, PRICE)
    assert len(script.sent) == 3
    assert script.sent[0][0] < script.sent[1][0] < script.sent[2][0], "a retry without a pause"


@pytest.mark.parametrize(
    ("trouble", "error"), [(LOST, NotReached), (reply(500), ExchangeDown), (reply(429), ExchangeBusy)]
)
def test_a_read_gives_up_after_its_tries(trouble: Step, error: type[ExchangeError]) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(error) as caught:
            await rest.price("BTC_USDT")
        record = caught.value.record()
        assert record.cause
        assert record.safe
        assert record.next_step

    assert len(played(check, trouble, tries=4).sent) == 4


def test_the_pauses_between_reads_differ() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(NotReached):
            await rest.price("BTC_USDT")

    at = [sent[0] for sent in played(check, LOST, tries=6).sent]
    pauses = [later - earlier for earlier, later in itertools.pairwise(at)]
    assert len({round(pause, 6) for pause in pauses}) == 5
    assert all(pause <= ceiling for pause, ceiling in zip(pauses, [0.25, 0.5, 1, 2, 4], strict=True))


def test_reads_end_within_the_overall_deadline() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        started = script.clock.monotonic()
        with pytest.raises(ExchangeError):
            await rest.price("BTC_USDT")
        assert script.clock.monotonic() - started <= 3.0

    played(check, LOST, tries=1000, overall_s=3.0)


@pytest.mark.parametrize(
    ("trouble", "error"),
    [
        (LOST, OutcomeUnknown),
        (TransportFailed("broken chunk", maybe_sent=True, malformed=True), OutcomeUnknown),
        (UNSENT, NotReached),
        (reply(500), OutcomeUnknown),
        (reply(504, "<html>"), OutcomeUnknown),
        (reply(400, {"code": 603, "message": "internal request timeout"}), OutcomeUnknown),
        (reply(302), OutcomeUnknown),
        (HttpReply(200, {}, b"{trunca"), OutcomeUnknown),
        (reply(429), ExchangeBusy),
        (reply(400, {"code": 21709, "message": "Low available balance"}), RequestRefused),
        (reply(400, {"code": 21340, "message": "maintenance"}), ExchangeDown),
        (reply(408, {"code": 408}), ClockSkewed),
        (reply(401, {"code": 401, "message": "Invalid Apikey or Signature"}), AuthRefused),
    ],
)
def test_a_changing_call_is_sent_once_whatever_happens(trouble: Step, error: type[ExchangeError]) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(error):
            await rest._signed("POST", "/orders", body={"symbol": "BTC_USDT"}, form=dict[str, str])

    script = played(check, trouble)
    assert len(script.sent) == 1
    assert script.sent[0][4] == '{"symbol":"BTC_USDT"}'


@pytest.mark.parametrize("stated", ["7", "7.0", "date"])
def test_nothing_is_sent_in_the_class_before_retry_after(stated: str) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        if stated == "date":
            from datetime import UTC, datetime
            from email.utils import format_datetime

            at = datetime.fromtimestamp(script.clock.wall_ms() / 1000 + 8, UTC)
            script.steps[0] = reply(429, retry_after=format_datetime(at))
        calls = [asyncio.create_task(rest.price("BTC_USDT"))]
        await asyncio.sleep(0.01)
        calls += [asyncio.create_task(rest.price("ETH_USDT")) for _ in range(20)]
        await asyncio.gather(*calls)

    script = played(check, reply(429, retry_after="7"), PRICE)
    first, rest = script.sent[0], script.sent[1:]
    assert len(rest) == 21
    assert min(sent[0] for sent in rest) - first[0] >= 6.99


def test_a_block_concerns_its_own_class_and_a_ban_all_of_them() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(ExchangeBusy):
            await rest.ticker("BTC_USDT")
        before = script.clock.monotonic()
        await rest.price("BTC_USDT")
        assert script.clock.monotonic() == before
        script.steps = [reply(418, retry_after="40"), PRICE]
        with pytest.raises(ExchangeBusy) as caught:
            await rest.price("BTC_USDT")
        assert caught.value.banned
        assert {use.blocked_ms for use in rest.use()} == {40_000}

    played(check, reply(429, retry_after="30"), PRICE, tries=1)


def test_a_429_without_a_time_waits_the_configured_second() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        await rest.price("BTC_USDT")

    script = played(check, reply(429), PRICE, busy_s=2.5)
    assert script.sent[1][0] - script.sent[0][0] >= 2.5


def test_maintenance_is_not_hammered() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(ExchangeDown) as caught:
            await rest.price("BTC_USDT")
        assert caught.value.maintenance

    assert len(played(check, reply(503, {"code": 503, "message": "Platform in maintenance mode"})).sent) == 1


def test_a_refused_time_costs_one_request_and_a_new_measurement() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        assert await rest.open_orders() == []

    script = played(check, reply(400, {"code": 400, "message": "signTimestamp out of range"}), reply(200, []))
    assert len(script.sent) == 2
    assert script.times_asked == 10


@pytest.mark.parametrize("ahead_ms", [-300_000, 0, 300_000])
def test_signatures_carry_the_exchanges_time_not_ours(ahead_ms: int) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        script.server_ahead_ms = ahead_ms
        script.clock.skew_ms = 0
        await rest.open_orders()
        script.clock.skew_ms = 10_000
        await rest.open_orders()

    script = played(check, reply(200, []))
    for at, _, _, headers, _ in script.sent:
        server_ms = script.clock.epoch_ms + at * 1000 + ahead_ms
        # The wall clock's step makes it measure again, against a server that follows the same skewed clock here.
        assert min(abs(int(headers["signTimestamp"]) - server_ms - step) for step in (0, 10_000)) <= 2


def test_a_time_that_stays_refused_is_an_error() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(ClockSkewed):
            await rest.open_orders()

    assert len(played(check, reply(408, {"code": 408, "message": "expired"})).sent) == 2


def test_a_read_only_client_refuses_every_changing_call_before_it_is_sent() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        for method, path in (("POST", "/orders"), ("DELETE", "/orders/1"), ("PUT", "/orders/1"), ("DELETE", "/orders")):
            with pytest.raises(Refused):
                await rest._signed(method, path, body={}, form=msgspec.Raw)
        assert await rest.open_orders() == []

    script = played(check, reply(200, []), read_only=True)
    assert [sent[1] for sent in script.sent] == ["GET"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/wallets/withdraw"),
        ("POST", "/v2/wallets/withdraw"),
        ("POST", "/wallets/address"),
        ("POST", "/accounts/transfer"),
        ("POST", "/subaccounts/transfer"),
        ("GET", "/wallets/addresses"),
        ("POST", "/orders/../wallets/withdraw"),
        ("POST", "/orders?x=/wallets"),
        ("PATCH", "/orders"),
    ],
)
def test_money_can_not_leave_through_this_client(method: str, path: str) -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(Refused):
            await rest._signed(method, path, body={}, form=msgspec.Raw)

    assert pool_of(method, path) is None
    assert played(check, reply(200, {})).sent == []


def test_without_a_key_private_reads_say_so() -> None:
    async def main() -> None:
        clock = LoopClock()
        rest = SpotRest(clock=clock, chance=Chance(1), http=Script(clock, PRICE))
        with pytest.raises(AuthRefused, match="no API key"):
            await rest.balances()

    run(main())


def test_an_error_body_under_200_is_a_refusal() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(RequestRefused) as caught:
            await rest.price("NO_PE")
        assert caught.value.exchange_code == 24101

    played(check, reply(200, {"code": 24101, "msg": "Invalid symbol!", "data": ""}))


def test_a_cancelled_call_stays_cancelled() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        task = asyncio.create_task(rest.price("BTC_USDT"))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    played(check, reply(429, retry_after="50"), PRICE)


def test_foreign_words_can_not_carry_control_characters() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(RequestRefused) as caught:
            await rest.price("BTC_USDT")
        assert "\x1b" not in str(caught.value)
        assert len(str(caught.value)) < 500

    played(check, reply(400, {"code": 1, "message": "\x1b]52;c;aGk=\x07" + "x" * 5000}))


def test_a_malformed_answer_to_a_read_is_named_as_such() -> None:
    async def check(rest: SpotRest, script: Script) -> None:
        with pytest.raises(BadReply):
            await rest.price("BTC_USDT")

    played(check, HttpReply(200, {}, b"\xff\xfe{"))
