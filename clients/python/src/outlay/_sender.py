"""Events on their way: a bounded queue, and the thread that empties it."""

from __future__ import annotations

import atexit
import json
import logging
import os
import random
import sys
import threading
import time
import weakref
from collections import deque
from typing import Any, Callable, Deque, Dict, List, NamedTuple, Optional, Union

from ._errors import OutlayError, Unreachable
from ._http import Answer, Door

log = logging.getLogger("outlay")

BATCH_BYTES_MAX = 4 * 1024 * 1024
"""Bytes of a request, at most. The server takes 32 MiB."""
PAUSE_MIN, PAUSE_MAX = 0.2, 30.0
"""Seconds between two tries."""
SAY_EVERY = 60.0
"""Seconds between two lines of the log about the same."""


class Refusal(NamedTuple):
    """An event that was not taken, and why. Sending it again as it is does not help."""

    id: str
    code: str
    field: Optional[str]
    detail: str
    remedy: Optional[str]
    event: Any
    """What was recorded."""


class Stats(NamedTuple):
    """What became of the events that were recorded."""

    accepted: int
    repeated: int
    """Kept before: an answer was lost, and the event was sent again."""
    refused: int
    dropped: int
    """Not sent, because too many waited or there was no time left at the end."""
    waiting: int


class _Event(NamedTuple):
    id: str
    body: bytes


class Sender:
    """Takes events without waiting, and sends them from a thread of its own."""

    def __init__(
        self,
        door: Door,
        *,
        batch_events: int,
        batch_seconds: float,
        queue_events: int,
        queue_bytes: int,
        exit_seconds: float,
        on_refused: Optional[Callable[[Refusal], None]],
    ) -> None:
        self._door = door
        self._batch_events = batch_events
        self._batch_seconds = batch_seconds
        self._queue_events = queue_events
        self._queue_bytes = queue_bytes
        self._on_refused = on_refused
        self._exit_seconds = exit_seconds
        self._said: Dict[str, float] = {}
        self._child = 0
        self._begin(closed=False)
        _senders.add(self)

    def _begin(self, closed: bool) -> None:
        """Without events and without a thread: at the start, and in a child after a fork."""
        # Reentrant, because a signal's handler may record an event while one is recorded. Nothing is
        # logged while it is held: a handler of the log may record events, too.
        self._changed = threading.Condition(threading.RLock())
        self._queue: Deque[_Event] = deque()
        self._bytes = self._sending = 0
        self._taken = self._settled = self._wanted = 0
        self._accepted = self._repeated = self._refused = self._dropped = 0
        self._poked = False
        self._closed = closed
        self._ended = False
        self._deadline: Optional[float] = None
        self._thread: Optional[threading.Thread] = None

    def put(self, id: str, body: bytes, wait: Optional[float]) -> bool:
        """Takes an event, or says that there is no room for it; waits for room for `wait` seconds."""
        with self._changed:
            if wait and self._thread is not threading.current_thread():
                self._changed.wait_for(lambda: self._closed or self._has_room(len(body)), wait)
            is_taken = not self._closed and self._has_room(len(body))
            if is_taken:
                self._queue.append(_Event(id, body))
                self._bytes += len(body)
                self._taken += 1
                self._start()
                # The thread wakes for the first and for a full batch, not for each event.
                if len(self._queue) == 1 or self._is_full():
                    self._changed.notify_all()
            else:
                self._dropped += 1
        if not is_taken:
            self._say_dropped("the client is closed" if self._closed else "too many wait")
        return is_taken

    def refuse(self, refusal: Refusal) -> None:
        """Counts and tells an event that was not taken."""
        with self._changed:
            self._refused += 1
        self._tell(refusal)

    def flush(self, timeout: Optional[float]) -> bool:
        """Waits until what was taken before is settled; says whether it is."""
        with self._changed:
            wanted = self._wanted = self._taken
            self._poked = True
            self._start()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: self._settled >= wanted, timeout)

    def finish(self) -> None:
        """Takes no more; what waits is still sent. Does not wait."""
        with self._changed:
            self._closed = self._poked = True
            self._wanted = self._taken
            self._start()
            self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Takes no more, sends what waits for `timeout` seconds, and gives up on the rest."""
        with self._changed:
            if self._ended:
                return
            self.finish()
            self._ended = True
            self._deadline = time.monotonic() + timeout
            # At the end of the interpreter there are no new threads.
            is_alone = self._thread is None and bool(self._queue)
            if is_alone:
                self._thread = threading.current_thread()
        if is_alone:
            self._run()
        with self._changed:
            self._changed.wait_for(lambda: self._settled >= self._taken, timeout)
            left = self._taken - self._settled
            self._dropped += left
            self._queue.clear()
            # The thread ends by itself; a request that hangs is not waited for.
            self._thread = None
            self._changed.notify_all()
        if left:
            self._say_dropped("they could not be sent before the end")

    def stats(self) -> Stats:
        """What became of the events so far."""
        with self._changed:
            waiting = 0 if self._ended else self._taken - self._settled
            return Stats(self._accepted, self._repeated, self._refused, self._dropped, waiting)

    def _has_room(self, size: int) -> bool:
        waiting = len(self._queue) + self._sending
        # One that is larger than the room may come when there is nothing else.
        return waiting == 0 or (
            waiting < self._queue_events and self._bytes + size <= self._queue_bytes
        )

    def _is_full(self) -> bool:
        return len(self._queue) >= self._batch_events or self._bytes >= BATCH_BYTES_MAX

    def _start(self) -> None:
        """Sees to it that there is a thread, if there is something to send."""
        is_alive = self._thread is not None and self._thread.is_alive()
        if is_alive or self._settled >= self._taken:
            return
        self._thread = threading.Thread(target=self._run, name="outlay-sender", daemon=True)
        try:
            self._thread.start()
        except RuntimeError:
            # The machine has no threads left, or the interpreter ends: tried again with the next
            # event, and at the end.
            self._thread = None
        self._close_with_child()

    def _close_with_child(self) -> None:
        """Children of `multiprocessing` end without what `atexit` has; they have their own list."""
        util = sys.modules.get("multiprocessing.util")
        if util is not None and self._child != os.getpid():
            self._child = os.getpid()
            util.Finalize(self, _close, (weakref.ref(self),), exitpriority=0)

    def _say_dropped(self, why: str) -> None:
        self._say("drop", "events were dropped, %d so far: %s", self._dropped, why)

    def _say(self, what: str, text: str, *values: object) -> None:
        """Logs, but not the same with every event."""
        now = time.monotonic()
        if now - self._said.get(what, -SAY_EVERY) >= SAY_EVERY:
            self._said[what] = now
            log.warning(text, *values)

    # What follows runs in the thread.

    def _run(self) -> None:
        me = threading.current_thread()
        try:
            while True:
                batch = self._next(me)
                if batch is None:
                    return
                self._deliver(batch, me)
        finally:
            self._door.close()

    def _is_over(self, me: threading.Thread) -> bool:
        is_late = self._deadline is not None and time.monotonic() > self._deadline
        return is_late or self._thread is not me

    def _next(self, me: threading.Thread) -> Optional[List[_Event]]:
        """The next batch: when it is full, when its time has come, or when somebody waits for it."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or self._closed or self._is_over(me))
            if self._is_over(me) or not self._queue:
                return None
            self._changed.wait_for(
                lambda: self._is_full()
                or self._settled < self._wanted
                or self._is_over(me),
                self._batch_seconds,
            )
            if self._is_over(me):
                return None
            batch: List[_Event] = []
            size = 0
            while self._queue and len(batch) < self._batch_events:
                size += len(self._queue[0].body) + 1
                if batch and size > BATCH_BYTES_MAX:
                    break
                batch.append(self._queue.popleft())
            self._sending = len(batch)
            return batch

    def _deliver(self, batch: List[_Event], me: threading.Thread) -> None:
        """Sends a batch until it is settled, in halves where it is too large as a whole."""
        parts = [batch]
        tries = 0
        while parts:
            part = parts.pop()
            told = self._send(part)
            if not isinstance(told, OutlayError):
                tries = 0
                self._settle(part, told)
                continue
            with self._changed:
                if self._is_over(me):
                    # What it holds is counted as dropped: nothing waits to be sent any more.
                    return
            failed = told
            if failed.status in (400, 413, 415, 422):
                if len(part) > 1:
                    middle = len(part) // 2
                    parts += [part[middle:], part[:middle]]
                else:
                    item = {"outcome": "refused", "code": failed.code, "field": failed.field}
                    self._settle(part, [{**item, "detail": failed.detail, "remedy": failed.remedy}])
            else:
                # The rest is nothing that an event did wrong: the server is busy or away, or the
                # address or the token is not right, which somebody may put right.
                self._say(f"failed {failed.code}", "events wait to be sent: %s", failed)
                parts.append(part)
                tries += 1
                if not self._pause(tries, failed.retry_after, me):
                    return

    def _send(self, part: List[_Event]) -> Union[List[Any], OutlayError]:
        """What became of each event, or why nothing is known of any."""
        try:
            answer = self._door.ask("POST", "/api/v1/events", _array(part), may_repeat=True)
            items = _items(answer)
        except OutlayError as error:
            return error
        except Exception as error:  # The thread must not end: that would lose what it holds.
            return Unreachable(f"{type(error).__name__}: {error}")
        if items is not None and len(items) == len(part):
            return items
        return OutlayError.of(answer.status, answer.headers, answer.body)

    def _pause(self, tries: int, asked: Optional[float], me: threading.Thread) -> bool:
        """Waits before the next try; says whether there is to be one."""
        most = min(PAUSE_MAX, PAUSE_MIN * 2 ** min(tries, 10))
        # Not all clients at once, when a server comes back.
        pause = max(asked or 0.0, random.uniform(most / 2, most))
        with self._changed:
            if self._deadline is not None:
                pause = min(pause, max(0.0, self._deadline - time.monotonic()))
            self._changed.wait_for(lambda: self._poked or self._is_over(me), min(pause, PAUSE_MAX))
            # Somebody waits: one try at once, and then as before.
            self._poked = False
            return not self._is_over(me)

    def _settle(self, part: List[_Event], told: List[Any]) -> None:
        outcomes = [item.get("outcome") for item in told]
        refusals = [
            _refusal(event, item) for event, item in zip(part, told) if item.get("outcome") == "refused"
        ]
        with self._changed:
            self._accepted += outcomes.count("accepted")
            self._repeated += outcomes.count("repeated")
            self._refused += len(refusals)
        # Before those who wait for a flush go on, so that they know of every refusal.
        for refusal in refusals:
            self._tell(refusal)
        with self._changed:
            self._bytes -= sum(len(event.body) for event in part)
            self._sending -= len(part)
            self._settled += len(part)
            self._changed.notify_all()

    def _tell(self, refusal: Refusal) -> None:
        if self._on_refused is None:
            at = f"`{refusal.field}`: " if refusal.field else ""
            remedy = f"; {refusal.remedy}" if refusal.remedy else ""
            self._say(
                f"refused {refusal.code} {refusal.field}",
                "the event %s was refused (%s): %s%s%s",
                refusal.id, refusal.code, at, refusal.detail, remedy,
            )  # fmt: skip
            return
        try:
            self._on_refused(refusal)
        except Exception:
            log.exception("the callback for refused events failed")


def _array(part: List[_Event]) -> bytes:
    return b"[" + b",".join(event.body for event in part) + b"]"


def _items(answer: Answer) -> Optional[List[Any]]:
    """What became of each event, where the answer says so."""
    if answer.status not in (200, 409, 422):
        return None
    try:
        told = json.loads(answer.body)
    except ValueError:
        return None
    items = told.get("items") if isinstance(told, dict) else None
    return items if isinstance(items, list) else None


def _refusal(event: _Event, item: Any) -> Refusal:
    return Refusal(
        id=event.id,
        code=str(item.get("code", "refused")),
        field=item.get("field"),
        detail=str(item.get("detail", "")),
        remedy=item.get("remedy"),
        event=json.loads(event.body),
    )


# A sender with a thread stays here until that ends, also when nobody holds its client any more.
_senders: weakref.WeakSet[Sender] = weakref.WeakSet()


def _after_fork() -> None:
    """The child begins without events: those that wait are the parent's to send."""
    for sender in list(_senders):
        sender._begin(closed=sender._closed)


def _close(sender: Callable[[], Optional[Sender]]) -> None:
    found = sender()
    if found is not None:
        found.close(found._exit_seconds)


def _at_exit() -> None:
    """All send at the same time what they still have."""
    senders = list(_senders)
    for sender in senders:
        sender.finish()
    began = time.monotonic()
    for sender in senders:
        sender.close(max(0.0, sender._exit_seconds - (time.monotonic() - began)))


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
