"""Waiting for the Hub, within bounds: what its client neither retries nor times out is retried and timed out here."""

import functools
import json
import sys
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
LONGEST_WAIT = 120  # seconds that a server may ask for
BRIEF = 30.0  # seconds in all for a question
LONG = 600.0  # seconds in all for a publication
TRANSIENT = frozenset({408, 429, 500, 502, 503, 504})
Result = TypeVar("Result")


def patiently(call: Callable[[], Result], seconds: float, also: tuple[type[Exception], ...] = ()) -> Result:
    """Call until it succeeds, fails for good, or ``seconds`` have passed; then what it raised last is raised.

    huggingface_hub 2.4 neither retries nor times out create_repo, whoami, repo_info, tree, validate-yaml and the commit of
    create_commit; only its file transfers have tries of their own.

    Args:
        call: may be called again after any failure.
        seconds: in all; a pause that a server asks for and that would end later is not begun.
        also: exceptions that are worth another try beside lost connections, time-outs and busy servers.
    """
    _bound_silence()
    for attempt in tenacity.Retrying(
        retry=tenacity.retry_if_exception(lambda error: is_transient(error) or isinstance(error, also)),
        wait=_pause,
        stop=tenacity.stop_before_delay(seconds),
        before_sleep=_tell,
        reraise=True,
    ):
        with attempt:
            return call()
    raise AssertionError("a retry ends with a result or an exception")


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
    found = (cause for cause in _chain(error) if isinstance(cause, HfHubHTTPError))
    answer = next(found, None)
    return answer.response.status_code if answer is not None and answer.response is not None else None


@functools.cache
def _bound_silence() -> None:
    """Give the shared client of huggingface_hub a time-out, once: a client that is exchanged is closed."""
    set_client_factory(_client)


def _client() -> httpx2.Client:
    client = _http.default_client_factory()
    client.timeout = httpx2.Timeout(SILENCE)
    client.event_hooks = {**client.event_hooks, "response": [_refuse_long_waits]}
    return client


def _refuse_long_waits(response: httpx2.Response) -> None:
    """The client would sleep for as long as a server asks, be it a day."""
    limit = _http.parse_ratelimit_headers(response.headers)
    asked = response.headers.get("retry-after", "")
    wait = limit.reset_in_seconds if limit and limit.remaining == 0 else int(asked) if asked.isdigit() else 0
    if response.status_code in TRANSIENT and wait > LONGEST_WAIT:
        raise UserError(
            f"{response.url.host} answers {response.status_code} and asks to wait for {wait} seconds; try again then"
        )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error and what it was raised from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def _pause(state: tenacity.RetryCallState) -> float:
    """What the server asks for, or 1, 2, 4, ... seconds."""
    error = state.outcome.exception() if state.outcome else None
    for cause in _chain(error) if error else ():
        asked = cause.response.headers.get("retry-after", "") if isinstance(cause, HfHubHTTPError) else ""
        if asked.isdigit():
            return float(asked)
    return min(LONGEST_PAUSE, 2.0 ** (state.attempt_number - 1))


def _tell(state: tenacity.RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    pause = state.next_action.sleep if state.next_action else 0
    print(
        f"the Hub did not answer as hoped ({in_one_line(error or Exception())}); again in {pause:.0f} s",
        file=sys.stderr,
    )
