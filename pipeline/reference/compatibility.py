"""The page docs/compatibility.md: every plugin of Logstash's distribution, and options that real configurations use.

What is here is asked of the registry and of the plugins' own models, so that the page says what `check` does.
`python -m pipeline.reference.compatibility FILE` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic.fields import FieldInfo

from pipeline import registry
from pipeline.options import FormerName, Ignored, Refused
from pipeline.reference.distribution import DISTRIBUTION, OTHERS, remedy
from pipeline.registry import Kind

USED: Mapping[tuple[Kind, str], str] = {
    ("output", "elasticsearch"): "hosts index user password template_overwrite document_type template_name template "
    "manage_template cacert host document_id ssl protocol cluster ssl_certificate_verification action ssl_enabled "
    "ssl_certificate_authorities ecs_compatibility truststore truststore_password index_type workers script "
    "ssl_verification_mode port failure_type_logging_whitelist codec flush_size idle_flush_time ilm_rollover_alias id",
    ("filter", "mutate"): "add_field remove_field convert rename add_tag replace gsub lowercase remove_tag copy update "
    "split strip uppercase join merge tag_on_failure",
    ("filter", "grok"): "match patterns_dir add_field overwrite add_tag tag_on_failure remove_tag break_on_match "
    "remove_field",
    ("filter", "date"): "match target remove_field timezone locale tag_on_failure add_tag",
    ("output", "stdout"): "codec debug",
    ("codec", "rubydebug"): "metadata",
    ("input", "tcp"): "port codec type tags host ssl_enable ssl_verify ssl_cert ssl_key",
    ("input", "beats"): "port host ssl type ssl_certificate ssl_key codec client_inactivity_timeout",
    ("input", "file"): "path start_position codec sincedb_path type mode tags file_completed_action "
    "file_completed_log_path",
    ("codec", "json"): "charset target",
    ("filter", "geoip"): "source target add_tag fields add_field database",
    ("input", "udp"): "port type codec tags host workers queue_size receive_buffer_bytes",
    ("filter", "json"): "source target remove_field add_tag tag_on_failure skip_on_invalid_json",
    ("filter", "ruby"): "code remove_field init path script_params tag_on_exception add_field",
    ("filter", "useragent"): "source target",
    ("filter", "syslog_pri"): "syslog_pri_field_name",
    ("filter", "kv"): "source field_split prefix value_split remove_field target transform_key",
    ("input", "stdin"): "codec type",
    ("filter", "csv"): "columns separator convert autodetect_column_names",
    ("input", "kafka"): "bootstrap_servers topics decorate_events type",
    ("input", "http"): "port codec host type",
    ("codec", "plain"): "charset",
    ("output", "file"): "path codec",
}
"""Options that 235 real configurations give, most of them at least twice, by plugin."""

GONE: Mapping[tuple[Kind, str], frozenset[str]] = {
    ("output", "elasticsearch"): frozenset(
        {"host", "protocol", "cluster", "index_type", "port", "flush_size", "idle_flush_time"}
    ),
    ("output", "stdout"): frozenset({"debug"}),
}
"""Options of those that Logstash 8.19 has no more."""

State = Literal["honoured", "accepted", "renamed", "refused", "gone", "unknown"]


class Answer(NamedTuple):
    """What becomes of an option."""

    state: State
    why: str = ""


def answer(kind: Kind, plugin: str, option: str) -> Answer | None:
    """What an option does here; None where the plugin is not here."""
    module = registry.find(kind, plugin)
    if module is None:
        return None
    fields = module.options.model_fields
    info = fields.get(option) or next((found for found in fields.values() if found.alias == option), None)
    if info is None:
        gone = option in GONE.get((kind, plugin), ())
        return Answer("gone", "Logstash 8.19 has it no more; a fault there and here") if gone else Answer("unknown")
    return _marked(info) or Answer("honoured")


def _marked(info: FieldInfo) -> Answer | None:
    for marker in info.metadata:
        match marker:
            case FormerName(of=new):
                return Answer("renamed", f"honoured as `{new}`, with a warning")
            case Refused(reason=reason):
                return Answer("refused", f"a fault: {reason}")
            case Ignored(reason=reason):
                return Answer("accepted", f"changes nothing, with a warning: {reason}")
    return None


def page() -> str:
    """The page docs/compatibility.md, as Markdown."""
    lines = [
        "<!-- Made by `make docs` from pipeline/reference/distribution.py and the plugins: change it there. -->",
        "",
        "# Compatibility",
        "",
        "What of Logstash 8.19 is here. Differences in meaning are on the [pages of the plugins](reference/README.md)",
        "and in [the configuration](configuration.md#differences-from-logstash). A plugin that is not here is a",
        "fault, with its place and what to use instead:",
        "",
        *_example(),
        "",
        "## Plugins of the distribution",
        "",
    ]
    for kind in registry.KINDS:
        lines += [*_plugins(kind), ""]
    lines += ["## Plugins from elsewhere", "", *_elsewhere(), ""]
    lines += ["## Options that real configurations use", ""]
    lines += [
        "The options of the most used plugins that were found in 235 configurations from public repositories, most of",
        "them at least twice.",
        "",
        *_options(),
    ]
    return "\n".join(lines) + "\n"


def _example() -> Iterator[str]:
    yield "```"
    yield f'apache.conf:4:3: there is no filter plugin "elastic_integration"{remedy("filter", "elastic_integration")}'
    yield "```"


def _plugins(kind: Kind) -> Iterator[str]:
    here = set(registry.names(kind))
    named = DISTRIBUTION[kind]
    count = sum(name in here for name in named)
    yield from (f"### {kind.capitalize()}s: {count} of {len(named)}", "", f"| {kind} | |", "| --- | --- |")
    for name, instead in sorted(named.items()):
        yield f"| {name} | {_page(kind, name) if name in here else f'not here: {instead}'} |"
    if own := sorted(here - named.keys()):
        pages = ", ".join(f"[{name}](reference/{kind}-{name}.md)" for name in own)
        yield from ("", f"Here, and not in the distribution: {pages}.")


def _page(kind: Kind, name: str) -> str:
    return f"[here](reference/{kind}-{name}.md)"


def _elsewhere() -> Iterator[str]:
    yield from ("| plugin | |", "| --- | --- |")
    for kind in registry.KINDS:
        for name, instead in sorted(OTHERS[kind].items()):
            state = _page(kind, name) if name in registry.names(kind) else instead
            yield f"| {kind} {name} | {state} |"


def _options() -> Iterator[str]:
    yield from ("| plugin | honoured | answered |", "| --- | --- | --- |")
    for (kind, plugin), options in USED.items():
        answers = [(option, answer(kind, plugin, option)) for option in options.split()]
        honoured = [f"`{option}`" for option, found in answers if found is not None and found.state == "honoured"]
        others = [f"`{option}` {found.why}" for option, found in answers if found is not None and found.why]
        if any(found is None for _, found in answers):
            others = ["the plugin is not here"]
        yield f"| {kind} {plugin} | {', '.join(honoured)} | {'; '.join(others).replace('|', chr(92) + '|')} |"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
