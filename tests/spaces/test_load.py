"""Many people at once: everybody is answered or told to come back."""

import asyncio
import re
import time

import httpx2
import pytest
from conftest import pretrain

from hf_ssl.errors import UserError

ALL = r"95 % within (\d+) ms; told to come back: (\d+)"
BURST = 500
BUSY = (429, 503)


def load(capsys, address: str, *flags: object) -> tuple[int, int]:
    """Milliseconds within which 95 % were answered, and how many were told to come back; any failure is an error."""
    pretrain("--address", address, *flags, script="benchmark_space.py")
    found = re.search(ALL, capsys.readouterr().out)
    return int(found[1]), int(found[2])


def test_twenty_users_are_answered(space, capsys):
    _, busy = load(capsys, space, "--users", 20, "--think", 2, "--seconds", 8)
    assert busy == 0


def test_a_question_that_fails_is_told(space, capsys, monkeypatch):
    """The negative control: the script notices."""
    monkeypatch.setattr("random.Random.randint", lambda *_: 10**9)
    with pytest.raises(UserError, match="clusters must be a whole number"):
        load(capsys, space, "--users", 2, "--seconds", 3)


@pytest.mark.endurance
@pytest.mark.timeout(600)
def test_two_hundred_users_without_an_error(space, capsys):
    within, busy = load(capsys, space, "--users", 200, "--think", 10, "--seconds", 120)
    assert busy == 0
    assert within < 300


async def burst(address: str) -> list[tuple[int, float]]:
    """Status and seconds of many questions that come at the same time."""
    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=address, timeout=60, limits=limits) as client:

        async def one(number: int) -> tuple[int, float]:
            begun = time.monotonic()
            answer = await client.post("/gradio_api/call/text_row", json={"data": [number % 40]})
            return answer.status_code, time.monotonic() - begun

        return await asyncio.gather(*map(one, range(BURST)))


def test_a_burst_is_taken_or_refused_and_the_demo_lives_on(space, capsys):
    said = asyncio.run(burst(space))
    taken = [status for status, _ in said if status == 200]
    refused = [status for status, _ in said if status in BUSY]
    assert len(taken) + len(refused) == BURST
    assert refused  # the queue is bounded
    assert len(taken) >= 64  # and as long as it is said to be
    time.sleep(3)
    assert load(capsys, space, "--users", 1, "--seconds", 2)[1] == 0
