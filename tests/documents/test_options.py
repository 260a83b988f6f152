"""Where a document goes: what the options decide, and what is wrong with them."""

import pytest
from pydantic import ValidationError

from pipeline.documents.options import DocumentOptions, rollover_alias, to_data_stream


@pytest.mark.parametrize(
    ("given", "stream", "alias"),
    [
        ({}, True, None),
        ({"ecs_compatibility": "disabled"}, False, "logstash"),
        ({"data_stream": "false"}, False, "ecs-logstash"),
        ({"data_stream": False, "ilm_enabled": False}, False, None),
        ({"data_stream": True}, True, None),
        ({"document_id": "%{id}"}, True, None),
        ({"action": "create", "routing": "r", "pipeline": "p", "data_stream_dataset": "apex"}, True, None),
        ({"index": "a"}, False, None),
        ({"index": "ecs-logstash-%{+yyyy.MM.dd}"}, False, "ecs-logstash"),
        ({"index": "a", "ilm_rollover_alias": "b"}, False, "b"),
        ({"index": "a", "ilm_rollover_alias": "b", "ilm_enabled": "false"}, False, None),
        ({"index": "a", "ilm_enabled": "true"}, False, None),
        ({"action": "index"}, False, "ecs-logstash"),
        ({"manage_template": True}, False, "ecs-logstash"),
        ({"manage_template": False}, True, None),
        ({"manage_template": False, "data_stream": True}, True, None),
    ],
)
def test_a_data_stream_an_alias_or_an_index(given, stream, alias):
    """`manage_template => false` does not speak against a data stream: `invalid_data_stream_params`, in Logstash 8."""

    class Options(DocumentOptions):
        manage_template: bool = True

    options = Options(**given)
    assert (to_data_stream(options), rollover_alias(options)) == (stream, alias)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"action": "put"}, 'action is one of index, create, update, delete, or holds %{...}, and not "put"'),
        ({"action": "update"}, 'action "update" needs document_id'),
        ({"action": "delete"}, 'action "delete" needs document_id'),
        ({"data_stream": True, "index": "a"}, "index cannot be used with a data stream"),
        ({"data_stream": True, "action": "index"}, 'action => "index" cannot be used with a data stream'),
        ({"data_stream": True, "ecs_compatibility": "disabled"}, "a data stream needs ecs_compatibility"),
        ({"index": "a", "data_stream_type": "logs"}, "data_stream_type has no meaning without data_stream => true"),
        ({"data_stream_dataset": "a b"}, "cannot be part of a data stream's name"),
        ({"data_stream_namespace": ""}, "cannot be part of a data stream's name"),
        ({"parent": "p", "index": "a"}, "parent needs join_field"),
        ({"script": "s", "script_type": "file"}, 'script_type "file" is gone'),
        ({"upsert": "{"}, '"{" is no JSON'),
        ({"upsert": "[]"}, '"[]" is no JSON object'),
        ({"ilm_rollover_alias": "a-%{b}"}, "ilm_rollover_alias cannot hold %{...}"),
        ({"version_type": "newest"}, "internal"),
    ],
)
def test_what_is_wrong(given, complaint):
    with pytest.raises(ValidationError) as caught:
        DocumentOptions(**given)
    assert complaint in str(caught.value)
