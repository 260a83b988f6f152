"""Answers of `_search`: their hits as lines, whatever is wrong between them, and wherever the blocks are cut."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Damaged
from pipeline.replay import answers
from pipeline.replay.answers import lines_of_answers
from tests.replay.program import counts, replay, stored

HITS = [{"_index": "logs", "_id": f"{number}", "_source": {"text": "}\n{ \u00e9"}} for number in range(12)]
SIZES = (1, 7, 100, 1 << 20)


def text_of(hits: list[dict[str, Any]], indent: int | None) -> str:
    return json.dumps({"took": 1, "hits": {"total": len(hits), "hits": hits}}, indent=indent, ensure_ascii=False)


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return iter([data[start : start + size] for start in range(0, len(data), size)])


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("size", [7, 1000, 1 << 20])
def test_answers_may_be_longer_together_than_one_may_be(
    monkeypatch: pytest.MonkeyPatch, indent: int | None, size: int
) -> None:
    monkeypatch.setattr(answers, "LONGEST", 4000)
    hits = [{"_id": f"{number}", "_source": {"text": "}\n{ \u00e9"}} for number in range(300)]
    text = "\n".join(text_of(hits[start : start + 10], indent) for start in range(0, 300, 10)).encode()
    assert [json.loads(line) for line in lines_of_answers(cut(text, size))] == hits
    with pytest.raises(Damaged, match="cut short"):
        list(lines_of_answers(iter([text[:-2]])))
    with pytest.raises(Damaged, match="longer than"):
        list(lines_of_answers(cut(text_of(hits, indent).encode(), 1000)))


DAMAGE = {
    "garbage": ('"_id": "5"', '"_id" #!? "5"'),
    "a brace too few": ('é"', 'é",'),
    "a brace too many": ('é"', 'é"}'),
    "a quote too few": ('"5"', '5"'),
    "a quote too many": ('"5"', '""5"'),
    "a control character": ('"5"', '"\x005"'),
    "a comma too few": (",", ""),
    "a cut escape": ('"5"', '"5\\q"'),
    "nothing there": ('"_id": "5"', '"_id": '),
}


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("damage", DAMAGE)
def test_the_hits_around_a_damaged_one_are_read(indent: int | None, damage: str) -> None:
    """In the middle of an answer, with more of them before and after it; each time as the same lines."""
    hit = json.dumps(HITS[5], indent=indent, ensure_ascii=False)
    before, after = DAMAGE[damage]
    wrong = hit.replace(before, after, 1)
    assert wrong != hit
    odd = "ODD" * 3
    middle = text_of([*HITS[3:5], {"odd": odd}, *HITS[6:9]], indent)
    shown = json.dumps({"odd": odd}, indent=indent)
    if indent:
        shown = shown.replace("\n", "\n   ")
    assert shown in middle
    text = "\n".join([text_of(HITS[:3], indent), middle.replace(shown, wrong), text_of(HITS[9:], indent)])
    for trailing in ("", "\n"):
        found = list(lines_of_answers(iter([(text + trailing).encode()])))
        for size in SIZES:
            assert list(lines_of_answers(cut((text + trailing).encode(), size))) == found, size
        whole = [line for line in found if is_json(line)]
        expected = [hit for hit in HITS if hit["_id"] != "5"]
        assert [value for value in map(json.loads, whole) if value in HITS and value["_id"] != "5"] == expected
        assert len(whole) in (11, 12), "what is damaged may be whole beside the damage"
        assert len(found) > len(whole), "and the damage is there to be rejected"


def is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def read(blocks: Iterator[bytes]) -> tuple[list[dict[str, Any]], str]:
    """The lines up to the damage, and what is said of it."""
    found = []
    try:
        for line in lines_of_answers(blocks):
            found += [json.loads(line)]
    except Damaged as error:
        return found, str(error)
    return found, ""


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_cut_short_is_read_as_far_as_it_is_whole(indent: int | None, size: int) -> None:
    data = text_of(HITS, indent).encode()
    found, reason = read(cut(data[: data.index(b'"_id": "7"')], size))
    assert (found, "cut short: the last" in reason) == (HITS[:7], True)


def broken() -> Iterator[bytes]:
    yield text_of(HITS, None).encode()[:-300]
    raise Damaged("the archive ends too early")


def test_what_is_whole_before_an_archive_is_damaged_is_read() -> None:
    found, reason = read(broken())
    assert (found, reason) == (HITS[: len(found)], "the archive ends too early")
    assert len(found) > 5


@pytest.mark.parametrize("indent", [None, 1])
def test_a_damaged_hit_is_a_dead_letter(tmp_path: Path, indent: int | None) -> None:
    hits = [{**hit, "_source": {"@timestamp": "2026-11-23T10:00:00Z"}} for hit in HITS]
    text = text_of(hits, indent).replace('"_id": "5"', '"_id": "5')
    (tmp_path / "answer.json").write_text(text)
    answer = replay(tmp_path, "answer.json")
    assert (answer.code, counts(answer)["indexed"], counts(answer)["dead-lettered"]) == (0, 11, 1), answer
    assert f"they are in {tmp_path}/store/dead_letter_queue/main; `apex-logs dlq list`" in answer.err
    assert [document.id for document in stored(tmp_path)] == sorted(hit["_id"] for hit in HITS if hit["_id"] != "5")
