"""Many people at once: everybody is answered or told to come back."""

from __future__ import annotations

import asyncio
import json
import re
import time
from urllib.parse import urlsplit

import pytest
from conftest import pretrain

from hf_ssl.common.errors import UserError

ALL = r"95 % within (\d+) ms; busy replies: (\d+)"
BURST = 500
BUSY = (429, 503)


def load(capsys, address: str, *flags: object) -> tuple[int, int]:
    """Milliseconds within which 95 % were answered, and how many were told to come back; any failure is an error."""
    pretrain("--address", address, *flags, script="benchmarks/space.py")
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
    """Status and seconds of many questions that come at the same time, asked so that asking costs little."""
    place = urlsplit(address)
    body = json.dumps({"data": [3]}).encode()
    head = f"POST /gradio_api/call/text_row HTTP/1.1\r\nHost: {place.netloc}\r\nContent-Type: application/json\r\n"
    question = f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body

    async def one() -> tuple[int, float]:
        begun = time.monotonic()
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(question)
        status = int((await reader.readline()).split()[1])
        seconds = time.monotonic() - begun
        await reader.read()
        writer.close()
        return status, seconds

    return await asyncio.gather(*(one() for _ in range(BURST)))


@pytest.mark.endurance
def test_a_burst_is_taken_or_refused_within_a_second(space):
    for _ in range(5):
        assert max(seconds for _, seconds in asyncio.run(burst(space))) < 1
        time.sleep(3)


def test_a_burst_is_taken_or_refused_and_the_demo_lives_on(space, capsys):
    said = asyncio.run(burst(space))
    taken = [status for status, _ in said if status == 200]
    refused = [status for status, _ in said if status in BUSY]
    assert len(taken) + len(refused) == BURST
    assert refused  # the queue is bounded
    assert len(taken) >= 64  # and as long as it is said to be
    time.sleep(3)
    assert load(capsys, space, "--users", 1, "--seconds", 2)[1] == 0
