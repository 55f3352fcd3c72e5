"""Branches, pull requests, organisations and fine-grained tokens."""

from __future__ import annotations

import pytest
from hub_fixtures import REPO
from huggingface_hub import HfApi

from hf_ssl.common.errors import UserError
from hf_ssl.hub.access import open_repository
from hf_ssl.hub.arguments import HubArguments, HubPlace
from hf_ssl.hub.publish import Publication, publish


@pytest.fixture
def send_to(hub, folder, results):
    """Publish the run to a place, as the owner of a token."""

    def publish_it(token="hf_alice_write", **place):
        api = HfApi(hub.url, token=token)
        repository = open_repository(api, HubPlace(**place), folder.path, results.run)
        return publish(Publication(folder, results, repository, license=place.get("license")), 20)

    return publish_it


def test_a_branch_is_made_and_the_main_one_left_alone(api, remote, send_to):
    before = remote.files()
    published = send_to(hub_model_id=REPO, hub_revision="trial/one")
    assert published.changed
    assert published.url.endswith("/alice/model/tree/trial/one")
    assert remote.files() == before
    assert "model.safetensors" in api.list_repo_files(REPO, revision="trial/one")
    assert not send_to(hub_model_id=REPO, hub_revision="trial/one").changed
    assert {branch.name for branch in api.list_repo_refs(REPO).branches} == {"main", "trial/one"}


def test_a_pull_request_is_made_once_and_gone_on_with(api, remote, send_to, folder):
    before = remote.files()
    first = send_to(token="hf_carol_only_asks", hub_model_id=REPO, create_pr=True)
    assert first.url.endswith("/alice/model/discussions/1")
    assert remote.files() == before
    assert not send_to(token="hf_carol_only_asks", hub_model_id=REPO, create_pr=True).changed
    (folder.model / "extra.json").write_text("{}")
    again = send_to(token="hf_carol_only_asks", hub_model_id=REPO, create_pr=True)
    assert (again.url, again.changed) == (first.url, True)
    (request,) = api.get_repo_discussions(REPO)
    assert (request.is_pull_request, request.author, request.status) == (True, "carol", "open")
    files = api.list_repo_files(REPO, revision=request.git_reference)
    assert {"extra.json", "model.safetensors", "README.md"} < set(files)


def test_nothing_to_ask_for(remote, send_to):
    assert send_to(hub_model_id=REPO).changed
    assert not send_to(hub_model_id=REPO, create_pr=True).changed
    assert not remote.repo.pulls


def test_a_dropped_answer_makes_no_second_pull_request(hub, remote, send_to):
    hub.faults.plan("POST .*/commit/main", drop="after")
    assert send_to(hub_model_id=REPO, create_pr=True).url.endswith("/discussions/1")
    assert list(remote.repo.pulls) == ["refs/pr/1"]


def test_a_pull_request_to_nothing(hub, send_to):
    with pytest.raises(UserError, match="cannot make a pull request to alice/nothing"):
        send_to(hub_model_id="alice/nothing", create_pr=True)
    assert not list(hub.store.repos("models"))


def test_an_organisation(hub, send_to):
    assert send_to(token="hf_carol_write", hub_model_id="acme/model", hub_private=True).changed
    assert hub.store.repo("models", "acme/model").private
    assert not send_to(token="hf_carol_one_repo", hub_model_id="acme/model").changed
    with pytest.raises(UserError, match="cannot write to readers/model .*the token has no permission there"):
        send_to(token="hf_carol_write", hub_model_id="readers/model")
    with pytest.raises(UserError, match="cannot write to acme/model"):
        send_to(token="hf_bob_write", hub_model_id="acme/model")


def test_a_token_for_one_repository(hub, send_to):
    with pytest.raises(UserError, match="cannot write to acme/model .*the token has no permission there"):
        send_to(token="hf_carol_one_repo", hub_model_id="acme/model")  # it may not make one
    HfApi(hub.url, token="hf_carol_write").create_repo("acme/model")
    assert send_to(token="hf_carol_one_repo", hub_model_id="acme/model").changed
    with pytest.raises(UserError, match="this token for the Hub may only read"):
        send_to(token="hf_carol_only_reads", hub_model_id="acme/model")


def test_flags_that_exclude_each_other():
    with pytest.raises(UserError, match="--create_pr and --hub_revision exclude each other"):
        HubPlace(create_pr=True, hub_revision="trial")
    with pytest.raises(UserError, match="--create_pr and --license need --push_to_hub"):
        HubArguments(license="mit")
    with pytest.raises(UserError, match="--license is empty"):
        HubPlace(license=" ")


@pytest.mark.parametrize(
    ("place", "words"), [({"create_pr": True}, "--create_pr"), ({"hub_revision": "trial"}, "--hub_revision trial")]
)
def test_the_command_that_finishes_the_job_says_the_place(place, words, api, remote, folder, results):
    repository = open_repository(api, HubPlace(hub_model_id=REPO, **place), folder.path, results.run)
    assert words in Publication(folder, results, repository).command
