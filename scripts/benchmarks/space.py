"""Measure how quickly a running demo answers one user or many at once.

    python spaces/ssl_vs_clustering/app.py --run runs/docs runs/digits        # in another terminal
    python scripts/benchmarks/space.py --address http://127.0.0.1:7860 --users 200 --think 10 --seconds 120

Users look at the page for a while, ask a question (a hidden word, other clusters, another row ...), and look again. Times
run from the request until the answer has arrived.
"""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import psutil

from hf_ssl.common.errors import UserError
from hf_ssl.common.flags import parse_arguments
from hf_ssl.common.progress import progress_bar
from hf_ssl.common.script import run_script

LONGEST_WAIT = 60.0  # seconds for an answer
BUSY = "busy"


@dataclass
class LoadArguments:
    """How many users ask how often."""

    _argument_group_name = "load"

    address: str = field(default="http://127.0.0.1:7860", metadata={"help": "Address of the running demo."})
    users: int = field(default=1, metadata={"help": "Concurrent users."})
    think: float = field(default=0.0, metadata={"help": "Seconds between an answer and the next question, on average."})
    seconds: float = field(default=30.0, metadata={"help": "Duration in seconds."})
    process: int | None = field(default=None, metadata={"help": "Process id of the demo, to watch its memory."})
    seed: int = field(default=0, metadata={"help": "Seed for questions and times."})

    def __post_init__(self) -> None:
        if self.users < 1 or self.think < 0 or self.seconds <= 0:
            raise UserError("--users must be at least 1, --think at least 0 and --seconds above 0")


@dataclass
class Answers:
    """Outcome of all questions: name -> seconds; reason -> number of failures; number of "busy" replies."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    busy: int = 0

    def percentile(self, share: float) -> float:
        """Return a percentile of the seconds of all answers."""
        every = [second for seconds in self.seconds.values() for second in seconds]
        return float(np.percentile(every, 100 * share)) if every else float("nan")


async def ask(client: Any, name: str, arguments: list[Any]) -> dict[str, Any]:
    """Ask a question and wait for the answer.

    Raises:
        RuntimeError: "busy", or the reason for the failure.
    """
    joined = await client.post(f"/gradio_api/call/{name}", json={"data": arguments})
    if joined.status_code in (429, 503):
        raise RuntimeError(BUSY)
    joined.raise_for_status()
    said = await client.get(f"/gradio_api/call/{name}/{joined.json()['event_id']}")
    said.raise_for_status()
    event, _, data = said.text.strip().rpartition("\n")
    answer = json.loads(data.removeprefix("data:"))
    if not event.endswith("event: complete"):
        raise RuntimeError(f"{name}: {answer}")
    return answer[0]


def questions(pages: list[dict[str, Any]], draw: random.Random) -> list[Callable[[Any], Awaitable[Any]]]:
    """Return one question of each kind that the pages allow, with random arguments."""
    found: list[Callable[[Any], Awaitable[Any]]] = []

    def add(name: str, *arguments: Any) -> None:
        async def question(client: Any) -> None:
            await ask(client, name, list(arguments))

        question.__name__ = name
        found.append(question)

    for page in pages:
        kind = "text" if "sprite" not in page else "images"
        features = draw.choice(page["features"])["name"]
        projection = draw.choice(page["projections"])["name"]
        count = draw.randint(page["clusters"]["least"], page["clusters"]["most"])
        add("group", kind, features, draw.choice(page["methods"])["name"], count, projection)
        row = draw.randrange(len(page["rows"]))
        add("text_row" if kind == "text" else "image_row", row)
        text = page["rows"][row].get("text", "")
        if kind == "text":
            add("place_text", text, features, projection)
        for model in page["models"]:
            if model["kind"] == "masked":
                add("fill", text, [0], model["name"], 6)
            if model["kind"] in ("masked", "next"):
                add("surprise", text, model["name"])
            if model["kind"] == "next":
                add("next_word", text, model["name"], 6)
            if model["kind"] == "patches":
                found.append(_patches(row, draw.random() * 0.9, model["name"]))
    return found


def _patches(row: int, ratio: float, model: str) -> Callable[[Any], Awaitable[Any]]:
    async def reconstruct(client: Any) -> None:
        image = await ask(client, "image_row", [row])
        await ask(client, "reconstruct", [image["image"], [], ratio, 0, model])

    return reconstruct


async def load(arguments: LoadArguments) -> Answers:
    """Let users ask until the time is up.

    Raises:
        UserError: if there is no demo at the address.
    """
    import httpx2

    limits = httpx2.Limits(max_connections=None)
    async with httpx2.AsyncClient(base_url=arguments.address, timeout=LONGEST_WAIT, limits=limits) as client:
        try:
            config = (await client.get("/config")).json()
            values = [component["props"].get("value") for component in config["components"]]
            pages = [value for value in values if isinstance(value, dict) and "features" in value]
        except (httpx2.HTTPError, ValueError, KeyError) as error:
            raise UserError(f"there is no demo at {arguments.address}; start one and pass its --address") from error
        answers = Answers()
        end = time.monotonic() + arguments.seconds
        with progress_bar("questions", unit="question", leave=False) as bar:
            users = [_user(client, pages, arguments, number, end, answers, bar) for number in range(arguments.users)]
            await asyncio.gather(*users)
    return answers


async def _user(
    client: Any,
    pages: list[dict[str, Any]],
    arguments: LoadArguments,
    number: int,
    end: float,
    answers: Answers,
    bar: Any,
) -> None:
    draw = random.Random(f"{arguments.seed} {number}")  # noqa: S311 - questions are not secret
    await asyncio.sleep(draw.random() * arguments.think)
    while time.monotonic() < end:
        question = draw.choice(questions(pages, draw))
        begun = time.monotonic()
        try:
            await question(client)
            answers.seconds[question.__name__].append(time.monotonic() - begun)
        except Exception as error:  # all failures are counted
            if str(error) == BUSY:
                answers.busy += 1
            else:
                answers.failures[f"{type(error).__name__}: {str(error)[:100]}"] += 1
        bar.update()
        await asyncio.sleep(draw.uniform(0.5, 1.5) * arguments.think)


def main(arguments: list[str]) -> None:
    """Parse the flags, ask, and print the figures."""
    (given,) = parse_arguments([LoadArguments], arguments, str(__doc__))
    process = psutil.Process(given.process) if given.process else None
    before = process.memory_info().rss if process else 0
    answers = asyncio.run(load(given))
    print(f"{'question':<14}{'answers':>9}{'median':>9}{'95 %':>9}{'longest':>9}   milliseconds")
    for name, seconds in sorted(answers.seconds.items()):
        figures = [1000 * float(value) for value in (*np.percentile(seconds, [50, 95]), max(seconds))]
        print(f"{name:<14}{len(seconds):>9}" + "".join(f"{value:>9.0f}" for value in figures))
    print(f"all: 95 % within {1000 * answers.percentile(0.95):.0f} ms; busy replies: {answers.busy}")
    if process:
        after = process.memory_info().rss
        print(f"memory: {before / 2**20:.0f} MiB before, {after / 2**20:.0f} MiB after ({after / before - 1:+.1%})")
    if answers.failures:
        listed = "; ".join(f"{reason} ({count} times)" for reason, count in answers.failures.items())
        raise UserError(f"{sum(answers.failures.values())} questions failed: {listed}")


if __name__ == "__main__":
    run_script(main)
