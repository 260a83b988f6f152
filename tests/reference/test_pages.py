"""The pages of the plugins: every option, in words."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline import registry
from pipeline.options import (
    CodecOption,
    FilterOptions,
    FormerName,
    Ignored,
    InputOptions,
    Refused,
    Seconds,
    Text,
    default_codec,
)
from pipeline.reference.pages import main, markdown, page, pages
from pipeline.registry import PluginModule

DOCUMENTATION = """Do one thing.

    filter { thing { name => "a|b" } }

More of it."""


class Options(FilterOptions):
    name: Annotated[Text, Field(description="What it is called, a|b.")]
    pause: Annotated[Seconds, Field(ge=0, description="How long")] = 5
    old: Annotated[Text | None, FormerName("name"), Field(description="x")] = None
    idle: Annotated[Text | None, Ignored("nothing idles here"), Field(description="x")] = None
    bad: Annotated[Text | None, Refused("it is bad"), Field(description="x")] = None


MODULE = PluginModule("filter", "thing", Options, lambda options: None, DOCUMENTATION)


def test_a_page_for_the_terminal() -> None:
    text = page(MODULE)
    assert text.startswith(f"thing (filter)\n\n{DOCUMENTATION}\n\nOptions\n")
    assert "  name  (text; required)\n      What it is called, a|b.\n" in text
    assert "  pause  (" in text
    assert "default 5" in text
    assert "\n  old\n      now `name`.\n" in text
    assert "\n  idle\n      nothing idles here.\n" in text
    assert "\n  bad\n      it is bad.\n" in text
    assert "Options of every filter" in text
    assert "  add_tag  (" in text


def test_a_page_in_markdown() -> None:
    text = markdown(MODULE)
    assert "# thing (filter)\n" in text
    assert "| `name` | text | required | What it is called, a\\|b. |" in text
    assert "- `old`: now `name`." in text
    assert "- `bad`: it is bad." in text


def test_an_inputs_codec() -> None:
    class WithCodec(InputOptions):
        codec: Annotated[CodecOption, Field(description="How.")] = default_codec("json")

    text = page(PluginModule("input", "thing", WithCodec, lambda options: None, "Do."))
    assert "  codec  (codec; default json)\n      How.\n" in text


def test_the_folder_of_pages_is_made_anew(tmp_path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "filter-gone.md").write_text("x")
    main(tmp_path / "docs")
    written = {path.name: path.read_text() for path in (tmp_path / "docs").iterdir()}
    assert written == pages()
    assert len(written) == 1 + sum(len(registry.names(kind)) for kind in registry.KINDS)
