"""What the answers of a server mean for the items of a body: a pure function of statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.errors import BodyTooLarge, NotAuthorised, Unavailable
from pipeline.http.client import Answer
from pipeline.plugin import Sent

_TOO_LARGE = 413
_REFUSED_US = (401, 403)


@dataclass(frozen=True, slots=True)
class Judge:
    """Which statuses are a success, and which are for now."""

    retryable: set[int]
    ignorable: set[int]
    retries: bool
    """Whether what is refused for now is sent again."""

    def each(self, answers: Sequence[Answer]) -> Sent:
        """Of a request for each item. Where no server answers, or all refuse us, that concerns the body."""
        failed = [(index, answer) for index, answer in enumerate(answers) if not self._succeeded(answer)]
        if len(failed) == len(answers) and self.retries:
            self._all(answers)
        again: list[tuple[int, str]] = []
        dead: list[tuple[int, str]] = []
        for index, answer in failed:
            (again if self.retries and self._for_now(answer) else dead).append((index, _said(answer)))
        return Sent(again=again, dead=dead)

    def together(self, answer: Answer, items: int) -> Sent:
        """Of one request that held them all."""
        if self._succeeded(answer):
            return Sent()
        if answer.status == _TOO_LARGE and items > 1:
            raise BodyTooLarge(_said(answer))
        if self.retries:
            self._all([answer])
        told = [(index, _said(answer)) for index in range(items)]
        return Sent(again=told) if self.retries and self._for_now(answer) else Sent(dead=told)

    def _all(self, answers: Sequence[Answer]) -> None:
        if all(answer.status == 0 and not answer.impossible for answer in answers):
            raise Unavailable(answers[0].text)
        if all(answer.status in _REFUSED_US and answer.status not in self.retryable for answer in answers):
            raise NotAuthorised(_said(answers[0]))

    def _succeeded(self, answer: Answer) -> bool:
        return 200 <= answer.status < 300 or answer.status in self.ignorable

    def _for_now(self, answer: Answer) -> bool:
        return not answer.impossible and (answer.status == 0 or answer.status in self.retryable)


def _said(answer: Answer) -> str:
    return f"{answer.status} {answer.text}".strip() if answer.status else answer.text
