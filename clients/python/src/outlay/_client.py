"""The client."""

from __future__ import annotations

import json
import logging
import os
import ssl
import time
import uuid
import weakref
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Union
from urllib.parse import quote, urlencode

from ._errors import OutlayError
from ._http import Door
from ._sender import Refusal, Sender, Stats

log = logging.getLogger("outlay")

Number = Union[int, float, Decimal, str]
Moment = Union[datetime, date, str]
Filters = Mapping[str, Union[str, Iterable[str]]]
Names = Union[str, Iterable[str]]
Json = Dict[str, Any]

TRIES = 4
"""How often a question is asked, where the server is busy or away."""
PAUSE = 0.25
"""Seconds before a question is asked again, where the server does not say; doubled each time."""
PAUSE_MAX = 10.0
"""Seconds that are waited at the server's word, at most."""


class Outlay:
    """Sends usage in the background, and asks what it cost.

    Recording an event takes microseconds and never fails: events gather in a bounded queue, and a
    thread sends them in batches. Each has an id, and is sent again with the same one until the server
    says that it is kept, so that it is counted once, whatever fails in between. What waits at the end
    of the program is sent then, for `exit_seconds` at most.

    It may be shared by threads. A child of a fork begins with an empty queue: what waits is sent by
    the parent.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        token: Optional[str] = None,
        *,
        source: Optional[str] = None,
        batch_events: int = 500,
        batch_seconds: float = 1.0,
        queue_events: int = 50_000,
        queue_bytes: int = 64 * 1024 * 1024,
        block_seconds: float = 0.0,
        exit_seconds: float = 5.0,
        timeout: float = 10.0,
        on_refused: Optional[Callable[[Refusal], None]] = None,
        ssl_context: Optional[ssl.SSLContext] = None,
    ) -> None:
        """Makes a client; nothing is sent or asked yet.

        :param url: where the server is; `OUTLAY_URL`, where nothing is given.
        :param token: an API key or a token; `OUTLAY_TOKEN`, where nothing is given.
        :param source: who sends, in every event that does not say it.
        :param batch_events: events in a request, at most.
        :param batch_seconds: how long an event waits for others to go with.
        :param queue_events: events that may wait; further ones are dropped and counted.
        :param queue_bytes: bytes of events that may wait.
        :param block_seconds: how long `record` waits for room before it drops an event.
        :param exit_seconds: how long the end of the program waits for what was not sent.
        :param timeout: how long to wait for the network, in seconds.
        :param on_refused: is told of every event that the server does not take, in the thread that
            sends; without it they are logged.
        :param ssl_context: how https is spoken, where the usual way does not do.
        """
        address = url or os.environ.get("OUTLAY_URL")
        if not address:
            raise ValueError("no server is named: give `url`, or set OUTLAY_URL")
        if not 1 <= batch_events <= 10_000:
            raise ValueError("`batch_events` is 1 to 10,000: the server takes no more at once")
        self._door = Door(address, token or os.environ.get("OUTLAY_TOKEN"), timeout, ssl_context)
        self._source = source
        self._block_seconds = block_seconds
        self._exit_seconds = exit_seconds
        self._sender = Sender(
            self._door,
            batch_events=batch_events,
            batch_seconds=batch_seconds,
            queue_events=queue_events,
            queue_bytes=queue_bytes,
            exit_seconds=exit_seconds,
            on_refused=on_refused,
        )
        # What a client that nobody holds any more has recorded is sent, and nobody waits for it.
        self._finish = weakref.finalize(self, self._sender.finish)
        self._finish.atexit = False

    # Sending

    def record(
        self,
        *,
        provider: Optional[str] = None,
        model: Optional[str] = None,
        service: Optional[str] = None,
        operation: Optional[str] = None,
        quantities: Optional[Mapping[str, Number]] = None,
        cost: Optional[Number] = None,
        account: Optional[str] = None,
        subject: Optional[str] = None,
        status: Optional[str] = None,
        duration_ms: Optional[float] = None,
        dimensions: Optional[Mapping[str, Optional[str]]] = None,
        tags: Optional[Mapping[str, str]] = None,
        metadata: Optional[Mapping[str, Any]] = None,
        occurred_at: Optional[Moment] = None,
        source: Optional[str] = None,
        id: Optional[str] = None,
    ) -> Optional[str]:
        """Takes a usage event, to be sent soon. It neither waits nor raises.

        The fields are those of an event in the API. Without `id` it gets one, and without
        `occurred_at` it is now. Returns its id, or `None` where it was dropped because too many wait
        or it cannot be written as JSON.
        """
        name = id or str(uuid.uuid4())
        try:
            event = {
                "id": name,
                "source": source or self._source,
                "occurred_at": _moment(occurred_at or datetime.now(timezone.utc)),
                "provider": provider,
                "model": model,
                "service": service,
                "operation": operation,
                "quantities": quantities,
                "cost": None if cost is None else _decimal(cost),
                "account": account,
                "subject": subject,
                "status": status,
                "duration_ms": duration_ms,
                "dimensions": dimensions,
                "tags": tags,
                "metadata": metadata,
            }
            body = _json({field: value for field, value in event.items() if value is not None})
        except Exception as error:
            detail = f"it cannot be written as JSON: {error}"
            self._sender.refuse(Refusal(str(name), "malformed", None, detail, None, None))
            return None
        return name if self._sender.put(str(name), body, self._block_seconds) else None

    def flush(self, timeout: Optional[float] = None) -> bool:
        """Sends what waits, and waits until it is settled; `False` where that takes too long."""
        return self._sender.flush(timeout)

    def close(self, timeout: Optional[float] = None) -> None:
        """Sends what waits, for `timeout` seconds (`exit_seconds` where not given), and ends."""
        self._finish.detach()
        self._sender.close(self._exit_seconds if timeout is None else timeout)
        self._door.close()

    def stats(self) -> Stats:
        """What became of the events that were recorded."""
        return self._sender.stats()

    def __enter__(self) -> Outlay:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Asking

    def usage_total(
        self,
        *,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        tz: Optional[str] = None,
        measures: Optional[Names] = None,
        filters: Optional[Filters] = None,
        compare: bool = False,
    ) -> Json:
        """Sums usage into one row. Amounts are decimal texts: `Decimal(answer["total"]["spend"])`."""
        return self._usage("total", since, until, tz, measures, filters, compare)

    def usage_by_time(
        self,
        every: str = "day",
        *,
        by: Optional[Names] = None,
        top: Optional[int] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        tz: Optional[str] = None,
        measures: Optional[Names] = None,
        filters: Optional[Filters] = None,
        compare: bool = False,
    ) -> Json:
        """Sums usage by time, and by group where asked: a row for each bucket."""
        further = {"every": every, "by": _names(by), "top": top}
        return self._usage("series", since, until, tz, measures, filters, compare, further)

    def usage_by_group(
        self,
        by: Names,
        *,
        top: Optional[int] = None,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        tz: Optional[str] = None,
        measures: Optional[Names] = None,
        filters: Optional[Filters] = None,
        compare: bool = False,
    ) -> Json:
        """Sums usage by group, the largest first."""
        further = {"by": _names(by), "top": top}
        return self._usage("breakdown", since, until, tz, measures, filters, compare, further)

    def _usage(
        self,
        shape: str,
        since: Optional[Moment],
        until: Optional[Moment],
        tz: Optional[str],
        measures: Optional[Names],
        filters: Optional[Filters],
        compare: bool,
        further: Optional[Mapping[str, Any]] = None,
    ) -> Json:
        params = _range(since, until, tz)
        params["measures"] = _names(measures)
        params["compare"] = "previous" if compare else None
        params.update(further or {})
        params.update(_filters(filters))
        answer: Json = self.get(f"/api/v1/usage/{shape}", params)
        return answer

    def events(
        self,
        *,
        since: Optional[Moment] = None,
        until: Optional[Moment] = None,
        tz: Optional[str] = None,
        filters: Optional[Filters] = None,
        page: int = 500,
    ) -> Iterator[Json]:
        """The events behind the sums, the newest first. Pages are fetched as they are needed."""
        params = _range(since, until, tz)
        params["limit"] = page
        params.update(_filters(filters))
        return self.pages("/api/v1/usage/events", params)

    def budgets(self) -> List[Json]:
        """The budgets that may be seen, and where they stand."""
        items: List[Json] = self.get("/api/v1/budgets")["items"]
        return items

    def may_spend(self, amount: Number, **attributes: str) -> Json:
        """Whether every hard budget has that much left: see `allowed` and `refused_by`.

        :param attributes: those that the usage event will have, e.g. `provider="openai"`.
        """
        intent = {"amount": _decimal(amount), "attributes": attributes}
        answer: Json = self.ask("POST", "/api/v1/budgets/check", intent)
        return answer

    def quote(self, **asked: Any) -> Json:
        """What a call costs, e.g. `quote(provider="openai", model="gpt-4o", quantities={…})`."""
        answer: Json = self.ask("POST", "/api/v1/prices/quote", asked)
        return answer

    def pages(self, path: str, params: Optional[Mapping[str, Any]] = None) -> Iterator[Json]:
        """Every item of a list that comes in pages."""
        cursor: Optional[str] = None
        while True:
            page = self.get(path, {**(params or {}), "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def get(self, path: str, params: Optional[Mapping[str, Any]] = None) -> Any:
        """Asks any route. Parameters that are `None` are left out."""
        given = {name: value for name, value in (params or {}).items() if value is not None}
        return self.ask("GET", f"{path}?{urlencode(given, quote_via=quote)}" if given else path)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Calls any route, again where the server is busy and the call changes nothing.

        Raises `OutlayError`, with the field at fault and the remedy where the server names them.
        """
        is_question = method == "GET" or path in ("/api/v1/budgets/check", "/api/v1/prices/quote")
        pause = PAUSE
        for left in reversed(range(TRIES if is_question else 1)):
            try:
                return self._ask(method, path, body, is_question)
            except OutlayError as error:
                if not left or not error.is_passing or error.status == 500:
                    raise
                time.sleep(min(error.retry_after or pause, PAUSE_MAX))
                pause *= 2
        raise AssertionError("the last round answers or raises")

    def _ask(self, method: str, path: str, body: Any, is_question: bool) -> Any:
        written = None if body is None else _json(body)
        answer = self._door.ask(method, path, written, may_repeat=is_question)
        if not 200 <= answer.status < 300:
            raise OutlayError.of(answer.status, answer.headers, answer.body)
        if not answer.body:
            return None
        try:
            return json.loads(answer.body)
        except ValueError as error:
            raise OutlayError(answer.status, "unexpected", "the answer is no JSON") from error


def _json(value: Any) -> bytes:
    return json.dumps(
        value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
    ).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, (datetime, date)):
        return _moment(value)
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")


def _decimal(value: Number) -> str:
    """A number as people write it: the API takes no exponents."""
    if isinstance(value, str):
        return value
    exact = Decimal(str(value))
    if not exact.is_finite():
        raise ValueError(f"{value} is no number")
    return format(exact, "f")


def _moment(value: Moment) -> str:
    """RFC 3339. A `datetime` without a zone is of the machine's own, as everywhere in Python."""
    if isinstance(value, datetime):
        utc = value.astimezone(timezone.utc).replace(tzinfo=None)
        return utc.isoformat(timespec="microseconds") + "Z"
    return value.isoformat() if isinstance(value, date) else value


def _names(names: Optional[Names]) -> Optional[str]:
    return names if names is None or isinstance(names, str) else ",".join(names)


def _range(since: Optional[Moment], until: Optional[Moment], tz: Optional[str]) -> Dict[str, Any]:
    moments = {"from": since, "to": until}
    given = {name: None if value is None else _moment(value) for name, value in moments.items()}
    return {**given, "tz": tz}


def _filters(filters: Optional[Filters]) -> Dict[str, str]:
    """Values are alternatives, joined by commas; a comma of their own is kept by a backslash."""

    def text(values: Union[str, Iterable[str]]) -> str:
        listed = [values] if isinstance(values, str) else values
        return ",".join(value.replace("\\", "\\\\").replace(",", "\\,") for value in listed)

    return {name: text(values) for name, values in (filters or {}).items()}
