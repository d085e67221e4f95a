"""`polotui events`: what happened, and with --follow what happens.

Decided here: without --follow the stored facts, newest last; with it a line for each event until ctrl+c. With --json
--follow prints one JSON document a line, since a stream has no end to put a bracket at.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

import msgspec
import typer

from polotui.api.commands import GetFacts
from polotui.api.events import AnyEvent, Fact, JobState, Notice
from polotui.api.replies import Facts
from polotui.api.socket_link import SocketLink
from polotui.cli.engine_link import with_engine
from polotui.cli.options import AsJson, Demo, HomeDir
from polotui.cli.output import clock, document, moment, say
from polotui.cli.where import Where, where
from polotui.core.errors import UsageError
from polotui.core.text import clean

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
HEADS = ("engine", "symbols", "watch", "feed", "book", "trades", "chart", "accounts", "jobs", "safety", "facts")


@app.command()
def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until ctrl+c.")] = False,
    topics: Annotated[str, typer.Option(help="With --follow: facts,jobs,trades:BTC_USDT …")] = "facts,jobs",
    limit: Annotated[int, typer.Option("--limit", "-n", min=0, max=1000, help="How many stored facts.")] = 20,
    after: Annotated[int | None, typer.Option(min=0, help="Facts with a number above this.")] = None,
    home: HomeDir = None,
    demo: Demo = False,
    as_json: AsJson = False,
) -> None:
    """What happened; with --follow what happens."""
    place = where(home, demo=demo)
    if follow:
        _follow(place, _topics(topics), limit, after, as_json=as_json)
        return
    reply = with_engine(place, lambda link: _stored(link, limit, after), start=False)
    if as_json:
        say(document("events", reply))
    else:
        say("\n".join(line(fact) for fact in reply.facts) or "Nothing happened yet.")


def line(event: AnyEvent) -> str:
    """An event as one line for a person."""
    if isinstance(event, Fact):
        head = f"{moment(event.at_ms)}  {event.number:>6}  {event.level:<7}  {clean(event.kind, 12):<8}"
        return f"{head}  {clean(event.text)}"
    if isinstance(event, JobState):
        state = event.end or f"{event.done * 100:.0f} %"
        text = f"{clean(event.title)}  {state}  {clean(event.reason or event.detail)}"
        return f"{clock(event.at_ms)}  job {event.id}  {text}"
    if isinstance(event, Notice):
        return f"{clock(event.at_ms)}  {clean(event.text)}"
    fields: dict[str, Any] = msgspec.to_builtins(event)
    name = fields.pop("event")
    fields.pop("at_ms", None)
    return f"{clock(event.at_ms)}  {name}  {clean(json.dumps(fields, ensure_ascii=True), 400)}"


def _follow(place: Where, topics: list[str], limit: int, after: int | None, *, as_json: bool) -> None:
    async def work(link: SocketLink) -> None:
        newest = link.welcome.last_fact if link.welcome is not None else 0
        start = max(0, newest - limit) if after is None else after
        async for batch in link.events(topics, rate=10.0, facts_after=start):
            for event in batch:
                say(document("event", event) if as_json else line(event))

    try:
        with_engine(place, work, start=False)
    except KeyboardInterrupt:
        pass  # ctrl+c is how one stops following


async def _stored(link: SocketLink, limit: int, after: int | None) -> Facts:
    newest = link.welcome.last_fact if link.welcome is not None else 0
    start = max(0, newest - limit) if after is None else after
    reply: Facts = await link.call(GetFacts(after=start, limit=limit))
    return reply


def _topics(text: str) -> list[str]:
    topics = [topic.strip() for topic in text.split(",") if topic.strip()]
    # chart:BTC_USDT:1h:ema21,bb20 has commas of its own: what does not begin a topic belongs to the one before.
    joined: list[str] = []
    for topic in topics:
        if joined and joined[-1].startswith("chart:") and topic.partition(":")[0] not in HEADS:
            joined[-1] += f",{topic}"
        else:
            joined.append(topic)
    unknown = [topic for topic in joined if topic.partition(":")[0] not in HEADS]
    if unknown or not joined:
        raise UsageError(
            f"There is no topic {clean(unknown[0] if unknown else text, 40)!r}.",
            safe="Nothing was asked.",
            next_step=f"Topics are {', '.join(HEADS)}; book, trades and chart with a symbol: book:BTC_USDT.",
        )
    return joined
