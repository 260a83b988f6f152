import random

import pytest

from pipeline.disk.followed_file import Progress
from pipeline.disk.globs import braces


def test_progress_is_the_end_of_what_has_ended_in_one_piece():
    draw = random.Random(7)
    for _ in range(200):
        progress = Progress(0)
        ranges = [(start, start + 1) for start in range(10)]
        for start, end in ranges:
            progress.begin(start, end)
        ended = set()
        for start in draw.sample(range(10), 10):
            progress.end(start)
            ended.add(start)
            assert progress.safe == next((place for place in range(10) if place not in ended), 10)
        assert len(progress) == 0


@pytest.mark.parametrize(
    ("pattern", "plain"),
    [
        ("/a/*.log", ["/a/*.log"]),
        ("/a/{b,c}.log", ["/a/b.log", "/a/c.log"]),
        ("/{a,{b,c}d}/{e}", ["/a/e", "/bd/e", "/cd/e"]),
        ("/a/{b", ["/a/{b"]),
    ],
)
def test_braces(pattern, plain):
    assert list(braces(pattern)) == plain
