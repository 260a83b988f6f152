import random

from pipeline.disk.followed_file import Progress


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
