"""Waiting for the Hub, within bounds: what its client neither retries nor times out is retried and timed out here.

Importing this gives the shared client of huggingface_hub its time-outs.
"""

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
from huggingface_hub.utils import _http  # its factory has no public name, and keeps offline mode and request ids

from hf_ssl.errors import UserError, in_one_line

SILENCE = 60.0  # seconds without a byte after which a request counts as failed
LONGEST_PAUSE = 30.0  # seconds between two tries, unless the server asks for more
LONGEST_WAIT = 600.0  # seconds that a server may ask for
BRIEF = 60.0  # seconds in all for a question
LONG = 600.0  # seconds in all for a publication
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
Result = TypeVar("Result")


class AskedToWaitError(UserError):
    """A server asks for more time than there is."""


_deadlines: list[float] = []  # of the calls that are being made


def patiently(call: Callable[[], Result], seconds: float, also: tuple[type[Exception], ...] = ()) -> Result:
    """Call until it succeeds, fails for good, or ``seconds`` have passed; then what it raised last is raised.

    huggingface_hub 2.4 neither retries nor times out create_repo, whoami, repo_info, tree, validate-yaml and the commit of
    create_commit; its file transfers have tries of their own, which begin no request after the time is over either.

    Args:
        call: may be called again after any failure.
        seconds: in all, but for the last request; a pause that would end later is not begun.
        also: exceptions that are worth another try beside lost connections, time-outs and busy servers.
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
    """Whether the same call may succeed a little later."""
    for cause in _chain(error):
        if isinstance(cause, OfflineModeIsEnabled):
            return False
        if isinstance(cause, HfHubHTTPError):
            return cause.response is not None and cause.response.status_code in TRANSIENT
        if isinstance(cause, httpx2.TransportError | ConnectionError | TimeoutError):
            # Uploads by Xet raise ConnectionError for answers like 403 too, whose status is in the text only.
            return "HTTP status client error" not in str(cause)
        if isinstance(cause, json.JSONDecodeError):  # validate-yaml's answer is read before its status is looked at
            return True
    return False


def status_of(error: BaseException) -> int | None:
    """The status of the answer behind an error, if there was one."""
    answer = next((cause for cause in _chain(error) if isinstance(cause, HfHubHTTPError)), None)
    return answer.response.status_code if answer is not None and answer.response is not None else None


def _client() -> httpx2.Client:
    client = _http.default_client_factory()
    hooks = client.event_hooks
    client.event_hooks = {"request": [*hooks["request"], _limit_silence], "response": [_refuse_long_waits]}
    return client


def _limit_silence(request: httpx2.Request) -> None:
    """Many calls ask for no time-out at all; and none is made after the time for all of them is over."""
    left = max(_deadlines, default=math.inf) - time.monotonic()
    if left < 0:
        raise TimeoutError(f"{request.url.host} did not answer as hoped in the time there was")
    limits = request.extensions.get("timeout", {})
    names = ("connect", "read", "write", "pool")
    request.extensions["timeout"] = {name: min(limits.get(name) or SILENCE, max(left, 1.0)) for name in names}


def _refuse_long_waits(response: httpx2.Response) -> None:
    """The client would sleep for as long as a server asks, be it a day."""
    left = max(_deadlines, default=math.inf) - time.monotonic()
    wait = _asked_wait(response)
    if wait > min(left, LONGEST_WAIT):
        raise AskedToWaitError(
            f"{response.url.host} answers {response.status_code} and asks to wait for {wait} seconds; try again then"
        )


def _asked_wait(response: httpx2.Response) -> int:
    """Seconds, read as the client reads them."""
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
    """An error and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _pause(state: tenacity.RetryCallState) -> float:
    """What the server asks for, or 1, 2, 4, ... seconds."""
    error = state.outcome.exception() if state.outcome else None
    answers = (cause.response for cause in _chain(error) if isinstance(cause, HfHubHTTPError)) if error else iter(())
    asked = max((_asked_wait(answer) for answer in answers if answer is not None), default=0)
    return max(asked, min(LONGEST_PAUSE, 2.0 ** (state.attempt_number - 1)))


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0
    print(
        f"the Hub did not answer as hoped ({in_one_line(error or Exception())}); again in {pause:.0f} s",
        file=sys.stderr,
    )


set_client_factory(_client)
