import pytest

from pipeline.arrivals import arrive

TIME = "2026-02-03T04:05:06.789Z"


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ({"a": 1, "@timestamp": TIME}, {"a": 1}),
        ({"@timestamp": "2026-02-03T05:05:06.789+01:00"}, {}),
        ({"@timestamp": TIME, "tags": "one"}, {"tags": "one"}),
        ({"@timestamp": TIME, "tags": ["a", "b"]}, {"tags": ["a", "b"]}),
        ({"@timestamp": TIME, "tags": None}, {"tags": None}),
        ({"@timestamp": TIME, "tags": {"p": 1}}, {"_tags": [{"p": 1}], "tags": ["_tagsparsefailure"]}),
        ({"@timestamp": TIME, "tags": ["a", 1]}, {"_tags": [["a", 1]], "tags": ["_tagsparsefailure"]}),
        ({"@timestamp": TIME, "@metadata": 5}, {"_@metadata": 5, "tags": ["_metadataparsefailure"]}),
    ],
)
def test_fields(sent, kept):
    event = arrive(sent, {})
    assert event.fields == {"@timestamp": TIME, "@version": "1", **kept}
    assert event.metadata == {}


@pytest.mark.parametrize("sent", ["yesterday", 5, {"a": 1}])
def test_a_time_that_cannot_be_read_is_kept(sent):
    fields = arrive({"@timestamp": sent}).fields
    assert fields["_@timestamp"] == sent
    assert fields["tags"] == ["_timestampparsefailure"]
    assert fields["@timestamp"].endswith("Z")


def test_metadata_of_the_document_and_of_the_input():
    event = arrive({"@metadata": {"a": 1, "event_id": "forged"}}, {"event_id": "own"}, 3)
    assert event.metadata == {"a": 1, "event_id": "own"}
    assert event.ordinal == 3
    assert arrive({"@version": "2", "@metadata": {"_id": 7}}, {"event_id": "own"}).metadata["event_id"] == "7"
    assert arrive({}).fields["@version"] == "1"


@pytest.mark.parametrize("sent", [None, "", 1.5, True, ["x"], {"a": 1}])
def test_what_names_no_event_is_no_id(sent):
    event = arrive({"@metadata": {"_id": sent}}, {"event_id": "own"})
    assert event.metadata["event_id"] == "own"
