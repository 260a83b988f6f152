"""Write one dot for each event, to see that something moves.

    output { stdout { codec => dots } }

It cannot read.
"""

from __future__ import annotations

from pipeline.options import PluginOptions
from pipeline.plugin import Codec
from pipeline.texts.codecs import WriteOnlyCodec


class Options(PluginOptions):
    """The dots codec has no options of its own."""


def build(options: Options) -> Codec:
    """Makes the codec."""
    return WriteOnlyCodec("dots", lambda _: b".")
