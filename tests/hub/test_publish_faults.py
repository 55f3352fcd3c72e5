"""Publishing while something dies, races or says nothing: the old or the new state, the loser is told, all waiting ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
import time
from dataclasses import replace

import pytest
from conftest import command
from hub_fixtures import REPO
from hub_server.faults import EVER

from hf_ssl.common import patience
from hf_ssl.common.errors import UserError
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubPlace


@pytest.mark.parametrize("drop", ["before", "after"])
@pytest.mark.parametrize("over", ["nothing", "an older state"])
def test_a_server_that_dies_at_any_request(drop, over, send, hub, remote, folder, results, pauses):
    if over == "an older state":
        send()
        weights = bytearray((folder.model / "model.safetensors").read_bytes())
        weights[-1] ^= 1
        (folder.model / "model.safetensors").write_bytes(weights)
        results = replace(results, cost=replace(results.cost, steps=results.cost.steps + 1))
    old, old_files = remote.commits(), remote.files()
    hub.faults.clear()
    send(results=results)
    new_files, requests = remote.files(), len(hub.log)
    assert new_files != old_files
    assert requests >= 8
    seen = set()
    for number in range(requests):
        remote.go_back(old[0])
        hub.faults.clear()
        fault = hub.faults.plan("", skip=number, times=EVER, drop=drop)
        with pytest.raises(UserError, match="was not published"):
            send(seconds=3, results=results)
        assert fault.hits
        assert remote.files() in (old_files, new_files), number
        seen.add(remote.files() == new_files)
        hub.faults.clear()
        send(results=results)
        assert remote.files() == new_files, number
        assert remote.commits()[1:] == old, number
    assert seen == ({False} if drop == "before" else {False, True}), [record.line for record in hub.log]


@pytest.mark.endurance
@pytest.mark.timeout(900)
@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_process_that_is_killed_at_any_request(drop, hub, remote, run_folder, tmp_path):
    environment = os.environ | hub.environment(tmp_path / "home")
    line = command(run_folder, "--hub_model_id", REPO, script="publish.py")

    def start() -> subprocess.Popen:
        return subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    old, old_files = remote.commits(), remote.files()
    hub.faults.clear()
    assert start().wait(60) == 0
    new_files, requests = remote.files(), len(hub.log)
    for number in range(requests):
        remote.go_back(old[0])
        hub.faults.clear()
        fault = hub.faults.plan("", skip=number, drop=drop)
        process = start()
        fault.act = process.kill
        assert process.wait(60) == -signal.SIGKILL
        assert fault.hits == 1
        assert remote.files() in (old_files, new_files), number
        hub.faults.clear()
        assert start().wait(60) == 0
        assert remote.files() == new_files, number
        assert len(remote.commits()) == 2, number


def test_a_lost_answer_makes_no_second_commit(send, hub, remote, pauses):
    fault = hub.faults.plan("POST .*/commit/main", drop="after")
    send()
    assert fault.hits == 1
    assert len(remote.commits()) == 2
    assert "model.safetensors" in remote.files()


@pytest.mark.parametrize("attempt", range(10))
def test_of_two_runs_at_once_one_is_told(attempt, send, remote, results):
    ready, outcomes = threading.Barrier(2), {}

    def run(name: str) -> None:
        ready.wait()
        try:
            outcomes[name] = send(results=replace(results, run=name))
        except UserError as error:
            outcomes[name] = error

    threads = [threading.Thread(target=run, args=(name,)) for name in ("first", "second")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    losers = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, UserError)}
    assert len(losers) == 1
    assert "another run published" in str(*losers.values())
    assert json.loads(remote.text("results.json"))["run"] not in losers
    assert len(remote.commits()) == 2


def test_a_commit_of_another_run_between_looking_and_committing(send, hub, remote, results, pauses):
    def other() -> None:
        repo = remote.repo
        theirs = {"results.json": hub.store.entry("results.json", b'{"run": "theirs"}')}
        hub.store.commit(repo, "main", theirs, "theirs", "alice")

    fault = hub.faults.plan("POST .*/preupload/", act=other)
    with pytest.raises(UserError, match="another run published"):
        send()
    assert fault.hits == 1
    assert 412 in [record.status for record in hub.log]
    assert list(remote.files()) == ["results.json"]
    assert send(replace=True).changed


def test_weights_of_unknown_origin_are_left_alone(send, api):
    api.upload_file(path_or_fileobj=b"0" * 100, path_in_repo="pytorch_model.bin", repo_id=REPO)
    with pytest.raises(UserError, match="another run published"):
        send()


@pytest.mark.parametrize(
    "fault",
    [{"status": 503}, {"status": 429, "headers": {"Retry-After": "7"}}, {"status": 504}, {"drop": "before"}],
    ids=["503", "429", "504", "drop"],
)
@pytest.mark.parametrize("match", ["GET /api/models/alice/model$", "validate-yaml", "POST .*/commit/main"])
def test_a_fault_that_passes(match, fault, send, hub, remote, pauses):
    planned = hub.faults.plan(match, times=2, **fault)
    assert send().changed
    assert planned.hits == 2
    assert len(remote.commits()) == 2
    assert pauses
    if "headers" in fault and "yaml" not in match:  # the client does not hand these headers out
        assert pauses.count(7.0) == 2


@pytest.mark.parametrize("answer", [{"status": 429, "headers": {"Retry-After": "100000"}}, {"status": 403}])
def test_what_does_not_pass_ends_with_the_command_that_goes_on(answer, send, hub, remote, pauses):
    hub.faults.plan("POST .*/commit/main", times=EVER, **answer)
    with pytest.raises(
        UserError, match=r"finishes the job: python scripts/publish.py .*/run --hub_model_id alice/model"
    ):
        send()
    assert max(pauses, default=0) < 60  # a day was asked for
    hub.faults.clear()
    send()
    assert "model.safetensors" in remote.files()


@pytest.mark.parametrize(
    "match",
    [
        "whoami",
        "repos/create",
        "auth-check",
        "GET /api/models/alice/model$",
        "validate-yaml",
        "preupload",
        "POST .*/commit/main",
    ],
)
def test_a_server_that_says_nothing_is_not_waited_for(match, hub, api, remote, send, folder, monkeypatch):
    monkeypatch.setattr(patience, "SILENCE", 0.5)
    fault = hub.faults.plan(match, delay=8)
    begun = time.monotonic()
    open_repository(api, HubPlace(hub_model_id=REPO), folder.path, "ours", replace=True)
    send()
    assert fault.hits == 1
    assert time.monotonic() - begun < 6
    assert len(remote.commits()) == 2


def test_the_time_is_bounded_in_all(hub, remote, send):
    fault = hub.faults.plan("lfs/objects/batch", times=EVER, status=503)  # which the client tries for 23 s on its own
    begun = time.monotonic()
    with pytest.raises(UserError, match="finishes the job"):
        send(seconds=2)
    assert time.monotonic() - begun < 10
    assert fault.hits
    hub.faults.clear()
    assert send().changed


@pytest.mark.parametrize(("headers", "pause"), [({"Retry-After": "0"}, 1.0), ({"RateLimit": '"api";r=0;t=9'}, 9.0)])
def test_as_long_as_asked_and_no_loop(headers, pause, hub, remote, send, pauses):
    hub.faults.plan("POST .*/commit/main", status=429, headers=headers)
    send()
    assert pauses == [pause]
