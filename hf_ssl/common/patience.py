"""Bounded retries and time-outs for Hub calls that its client neither retries nor times out.

Importing this module sets the time-outs of the shared client of huggingface_hub.
"""

from __future__ import annotations

import contextlib
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import httpx2
import tenacity
from huggingface_hub import set_client_factory
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
from huggingface_hub.utils import _http  # the default factory is private; it handles offline mode and request ids

from hf_ssl.common.errors import UserError, in_one_line

SILENCE = 60.0  # seconds without a byte after which a request counts as failed
LONGEST_PAUSE = 30.0  # seconds between two attempts, unless the server asks for more
LONGEST_WAIT = 600.0  # the longest delay that a server may request, in seconds
BRIEF = 60.0  # total seconds for a query
LONG = 600.0  # total seconds for publishing
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
Result = TypeVar("Result")


class AskedToWaitError(UserError):
    """A server requests a longer delay than the time left."""


_deadlines: list[float] = []  # of the calls in progress


def patiently(call: Callable[[], Result], seconds: float, also: tuple[type[Exception], ...] = ()) -> Result:
    """Retry a call until it succeeds, fails permanently, or ``seconds`` have passed; then raise its last error.

    huggingface_hub 2.4 neither retries nor times out create_repo, whoami, repo_info, tree, validate-yaml and the commit of
    create_commit; it retries file transfers itself, but they start no request after the deadline either.

    Args:
        call: must be safe to repeat after any failure.
        seconds: total time, except for the last request; a pause that would end later is not started.
        also: exceptions to retry in addition to lost connections, time-outs and busy servers.
    """
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_transient(error) or isinstance(error, also)),
        wait=_pause,
        stop=tenacity.stop_before_delay(seconds),
        before_sleep=_tell,
        reraise=True,
    )
    with _until(time.monotonic() + seconds):
        return attempts(call)


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may succeed a little later."""
    for cause in _chain(error):
        if isinstance(cause, OfflineModeIsEnabled):
            return False
        if isinstance(cause, HfHubHTTPError):
            return cause.response is not None and cause.response.status_code in TRANSIENT
        if isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError):
            # Xet uploads also raise ConnectionError for responses such as 403; the status is only in the text.
            return "HTTP status client error" not in str(cause)
        if isinstance(cause, json.JSONDecodeError):  # validate-yaml is parsed before its status is checked
            return True
    return False


def status_of(error: BaseException) -> int | None:
    """Return the status of the response behind an error, if there was one."""
    answer = next((cause for cause in _chain(error) if isinstance(cause, HfHubHTTPError)), None)
    return answer.response.status_code if answer is not None and answer.response is not None else None


def _client() -> httpx2.Client:
    client = _http.default_client_factory()
    hooks = client.event_hooks
    client.event_hooks = {"request": [*hooks["request"], _limit_silence], "response": [_refuse_long_waits]}
    return client


def _limit_silence(request: httpx2.Request) -> None:
    """Set a time-out for calls that have none, and refuse calls after the deadline."""
    left = max(_deadlines, default=math.inf) - time.monotonic()
    if left < 0:
        raise TimeoutError(f"{request.url.host} did not respond successfully in time")
    limits = request.extensions.get("timeout", {})
    names = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {name: min(limits.get(name) or SILENCE, max(left, 1.0)) for name in names}


def _refuse_long_waits(response: httpx2.Response) -> None:
    """Refuse long waits: the client would sleep for as long as a server asks, even a day."""
    left = max(_deadlines, default=math.inf) - time.monotonic()
    wait = _asked_wait(response)
    if wait > min(left, LONGEST_WAIT):
        raise AskedToWaitError(
            f"{response.url.host} answers {response.status_code} and asks to wait for {wait} seconds; try again then"
        )


def _asked_wait(response: httpx2.Response) -> int:
    """Return the requested delay in seconds, parsed in the same way as by the client."""
    if response.status_code not in TRANSIENT:
        return 0
    limit = _http.parse_ratelimit_headers(response.headers)
    if response.status_code == 429 and limit and limit.remaining == 0:
        return limit.reset_in_seconds
    asked = response.headers.get("retry-after", "").strip()
    return int(asked) if asked.isdigit() else 0


@contextlib.contextmanager
def _until(deadline: float) -> Iterator[None]:
    _deadlines.append(deadline)
    try:
        yield
    finally:
        _deadlines.remove(deadline)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and its causes."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _pause(state: tenacity.RetryCallState) -> float:
    """Return the delay that the server asks for, or 1, 2, 4, ... seconds."""
    error = state.outcome.exception() if state.outcome else None
    answers = (cause.response for cause in _chain(error) if isinstance(cause, HfHubHTTPError)) if error else iter(())
    asked = max((_asked_wait(answer) for answer in answers if answer is not None), default=0)
    return max(asked, min(LONGEST_PAUSE, 2.0 ** (state.attempt_number - 1)))


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0
    print(
        f"the request to the Hub failed ({in_one_line(error or Exception())}); retrying in {pause:.0f} s",
        file=sys.stderr,
    )


set_client_factory(_client)
