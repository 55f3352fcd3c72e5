"""A training that ends in the middle, as if it were killed there, within one process."""

from __future__ import annotations

from hf_ssl.training import loop


class KilledError(BaseException):
    """No handler is meant to catch it."""


def kill_after(monkeypatch, steps: int = 10**6) -> list[int]:
    """Let the loop take so many steps in all; returns a list that has a member for each."""
    taken: list[int] = []

    def take(stepper, parts, real=loop.take_step):
        if len(taken) == steps:
            raise KilledError
        taken.append(1)
        return real(stepper, parts)

    monkeypatch.setattr(loop, "take_step", take)
    return taken
