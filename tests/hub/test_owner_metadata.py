"""Metadata that the owner of a repository wrote survive every publication."""

from __future__ import annotations

import pytest
import yaml
from conftest import pretrain
from hub_fixtures import REPO
from hypothesis import given
from hypothesis import strategies as st

from hf_ssl.common.errors import UserError
from hf_ssl.runs.owner_metadata import merge_metadata, metadata_in

OWN = {
    "license": "other",
    "license_name": "my-licence",
    "license_link": "LICENSE",
    "language": ["en", "fr"],
    "tags": ["medical", "not-for-all-audiences"],
    "thumbnail": "https://example.org/a.png",
    "extra_gated_prompt": "You agree: to nothing.",
    "extra_gated_fields": {"Company": "text", "I agree": "checkbox"},
    "inference": False,
    "widget": [{"text": "rose [MASK]"}],
    "co2_eq_emissions": {"emissions": 12.5, "source": "a guess"},
    "new_version": "alice/next",
}


def card_of(data: dict) -> str:
    return f"---\n{yaml.safe_dump(data, sort_keys=False)}---\n# Mine\n"


@pytest.fixture
def put(api, remote):
    def put_card(text: str) -> None:
        api.upload_file(path_or_fileobj=text.encode(), path_in_repo="README.md", repo_id=REPO)

    return put_card


def data_of(remote) -> dict:
    return metadata_in(remote.text("README.md"), REPO)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_repository_made_on_the_web(put, send, remote, newline):
    put(card_of(OWN).replace("\n", newline))
    send()
    found = data_of(remote)
    assert {key: found[key] for key in OWN if key != "tags"} == {key: OWN[key] for key in OWN if key != "tags"}
    assert set(OWN["tags"]) < set(found["tags"])
    assert {"hf_ssl", "self-supervised"} < set(found["tags"])
    assert found["pipeline_tag"] == "fill-mask"
    assert found["model-index"][0]["name"] == "model"
    assert not send().changed
    assert not send(card_only=True).changed


@pytest.mark.parametrize("before", ["\ufeff", "\n", "  \n"])
def test_metadata_after_a_mark_or_an_empty_line(before, send, remote):
    card = remote.store.entry("README.md", (before + card_of(OWN)).encode())
    remote.store.commit(remote.repo, "main", {"README.md": card}, "card", "alice")
    send()
    assert data_of(remote)["thumbnail"] == OWN["thumbnail"]
    assert remote.text("README.md").count("---\n") >= 2
    assert "# Mine" in remote.text("README.md")


def test_what_is_changed_after_publishing_stays(put, send, remote):
    send()
    found = data_of(remote)
    found["tags"].remove("hf_ssl")
    changed = found | {"license": "mit", "pipeline_tag": "feature-extraction", "thumbnail": "a.png"}
    put(remote.text("README.md").replace(remote.text("README.md").split("---\n")[1], yaml.safe_dump(changed)))
    for card_only in (True, False):
        send(card_only=card_only)
        assert data_of(remote) == changed


def test_a_licence_that_is_asked_for(put, send, remote):
    put(card_of(OWN))
    send(license="apache-2.0")
    found = data_of(remote)
    assert (found["license"], "license_name" in found, "license_link" in found) == ("apache-2.0", False, False)
    assert found["thumbnail"] == OWN["thumbnail"]
    send()
    assert data_of(remote)["license"] == "apache-2.0"  # it stays, without asking again
    send(license="Mine Alone")
    assert [data_of(remote)[key] for key in ("license", "license_name")] == ["other", "Mine Alone"]


def test_another_run_in_its_place_keeps_what_the_owner_wrote(put, send, remote, results):
    from dataclasses import replace

    send()
    put(remote.text("README.md").replace("---\n", "---\nthumbnail: a.png\n", 1))
    data = replace(results.data, name="alice/other", on_hub=True, license="cc0-1.0")
    send(results=replace(results, run="another", data=data), replace=True)
    found = data_of(remote)
    assert (found["thumbnail"], found["license"], found["datasets"]) == ("a.png", "cc0-1.0", ["alice/other"])
    send(replace=True)
    found = data_of(remote)
    assert (found["thumbnail"], found.get("license"), found.get("datasets")) == ("a.png", None, None)


@pytest.mark.parametrize("header", ["a: [", "- a\n- b", "just words"])
def test_metadata_that_cannot_be_read_are_not_overwritten(send, remote, header):
    card = remote.store.entry(
        "README.md", f"---\n{header}\n---\n# Mine\n".encode()
    )  # pushed by git, which checks nothing
    remote.store.commit(remote.repo, "main", {"README.md": card}, "card", "alice")
    with pytest.raises(UserError, match=f"the metadata of the card of {REPO} .* would be lost; mend them"):
        send()
    assert header in remote.text("README.md")


def test_metadata_in_the_run_folder_are_published(folder, remote, send):
    folder.card.write_text(folder.card.read_text().replace("---\n", "---\nlicense: mit\nthumbnail: a.png\n", 1))
    send()
    found = data_of(remote)
    assert (found["license"], found["thumbnail"]) == ("mit", "a.png")
    assert [entry["name"] for entry in found["model-index"]] == ["model"]


def test_a_licence_from_the_command_line(hub, remote, run_folder, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_alice_write")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.url)
    pretrain(run_folder, "--hub_model_id", REPO, "--license", "mit", script="publish.py")
    assert data_of(remote)["license"] == "mit"


KEYS = st.sampled_from(["license", "tags", "language", "pipeline_tag", "thumbnail", "base_model", "x"])
VALUES = st.one_of(st.sampled_from("abc"), st.lists(st.sampled_from("abc"), min_size=1, max_size=3, unique=True))
CARDS = st.dictionaries(KEYS, VALUES, max_size=5)


@given(theirs=CARDS, before=CARDS, ours=CARDS)
def test_nothing_that_only_the_owner_has_is_lost_and_again_changes_nothing(theirs, before, ours):
    merged = merge_metadata(theirs, before, ours)
    for key, value in theirs.items():
        if key not in ours and key not in before:
            assert merged[key] == value
    assert merge_metadata(merged, ours, ours) == merged
