"""The text of packed files: whatever members, padding and blocks there are, and not more work than there is text."""

import gzip
import os
import random

import pytest

from pipeline.disk.archives import DAMAGES, unpacked, unpacked_blocks
from pipeline.texts.codecs import cut_after_last


@pytest.fixture
def packed(tmp_path):
    """Opens a file of these bytes."""
    made = []

    def write(data):
        (tmp_path / "a.gz").write_bytes(data)
        made.append(os.open(tmp_path / "a.gz", os.O_RDONLY))
        return made[-1]

    yield write
    for descriptor in made:
        os.close(descriptor)


def test_members_and_padding_of_any_size(packed):
    draw = random.Random(3)
    for _ in range(40):
        kinds = [draw.choice([b"\n", b"a", draw.randbytes(7)]) for _ in range(draw.randrange(1, 5))]
        members = [kind * draw.randrange(100_000) for kind in kinds] + [draw.randbytes(draw.randrange(100_000))]
        padding = b"\0" * draw.choice([0, 5, 1000, 70_000])
        descriptor = packed(b"".join(gzip.compress(member) + padding for member in members))
        for block in (4096, 1 << 20):
            blocks = list(unpacked_blocks(descriptor, block))
            assert b"".join(blocks) == b"".join(members)
            assert {len(one) for one in blocks[:-2]} <= {block}


@pytest.mark.parametrize("lines", [1, 10, 1000])
def test_what_is_whole_before_the_damage_is_given_out(packed, lines):
    text = b"x" * 2500 + b"\n" + b"1\n" * lines
    blocks, got = unpacked(packed(gzip.compress(text + b"rest")[:-8]), Lines(), 1000), bytearray()
    with pytest.raises(DAMAGES):
        gather(blocks, got)
    assert got == text


def gather(blocks, got):
    for _, data in blocks:
        got += data


class Lines:
    """Counts the bytes that it was asked about."""

    asked = 0

    def cut(self, data, *, final=False):
        self.asked += len(data)
        return cut_after_last(data, b"\n", final=final)


def test_a_long_line_is_not_looked_through_for_each_of_its_blocks(packed):
    text = (b"x" * 1_000_000 + b"\n") * 3
    lines = Lines()
    got = list(unpacked(packed(gzip.compress(text)), lines, 1000))
    assert b"".join(data for _, data in got) == text
    assert [offset for offset, _ in got] == [sum(len(data) for _, data in got[:index]) for index in range(len(got))]
    assert lines.asked < 5 * len(text)
