from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from bench.compare import git, in_turn, main, path_figures, start_figures, worktree
from bench.processes import Tree

IDENTITY = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git("init", "--quiet", repository=tmp_path)
    (tmp_path / "file").write_text("before")
    git("add", "file", repository=tmp_path)
    git(*IDENTITY, "commit", "--quiet", "-m", "first", repository=tmp_path)
    (tmp_path / "file").write_text("after")
    return tmp_path


def _worktrees(repository: Path) -> int:
    return len(git("worktree", "list", repository=repository).splitlines())


def test_a_commit_is_checked_out_for_the_time_of_the_block(repository: Path) -> None:
    with worktree("HEAD", repository) as other:
        assert (other / "file").read_text() == "before"
        assert _worktrees(repository) == 2
    assert not other.parent.exists()
    assert _worktrees(repository) == 1


def _interrupted(repository: Path, seen: list[Path]) -> None:
    with worktree("HEAD", repository) as other:
        seen.append(other)
        (other / "new").write_text("a file that git does not know")
        signal.raise_signal(signal.SIGINT)


def test_it_is_removed_after_an_interrupt(repository: Path) -> None:
    before, seen = signal.getsignal(signal.SIGINT), []
    with pytest.raises(KeyboardInterrupt):
        _interrupted(repository, seen)
    assert not seen[0].parent.exists()
    assert _worktrees(repository) == 1
    assert signal.getsignal(signal.SIGINT) == before


def test_nothing_is_left_of_a_commit_that_is_not_there(repository: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError), worktree("nowhere", repository):
        pass
    assert _worktrees(repository) == 1


def test_a_revision_that_is_not_there_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nowhere"]) == 2
    assert "nowhere is no commit" in capsys.readouterr().err


@pytest.mark.parametrize(("turn", "order"), [(0, ["this", "other"]), (1, ["other", "this"]), (2, ["this", "other"])])
def test_trees_take_turns(turn: int, order: list[str]) -> None:
    seen: list[str] = []

    def measure(tree: Tree) -> str:
        seen.append(tree.root.name)
        return tree.root.name

    assert in_turn(turn, measure, Tree(Path("this")), Tree(Path("other"))) == ("this", "other")
    assert seen == order


def test_ratios_are_of_neighbours() -> None:
    speed, *_ = path_figures({"file to file": [(0.6, 0.3), (0.5, 0.5), (0.6, 0.4)]})
    assert speed.values == pytest.approx((2.0, 1.0, 1.5))
    assert speed.value == pytest.approx(1.5)


def test_of_starts_the_best_are_compared() -> None:
    time, here, there = start_figures({"check": [(0.2, 0.9), (0.3, 0.4)]})
    assert time.value == pytest.approx(0.5)
    assert (here.value, there.value) == (0.2, 0.4)
