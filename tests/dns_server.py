"""A small DNS server over UDP on a free loopback port: `with DnsServer({("a.example", "A"): ["1.2.3.4"]}): ...`."""

from __future__ import annotations

import socket
from collections import Counter
from threading import Thread
from types import TracebackType

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Zone = dict[tuple[str, str], list[str]]


class DnsServer:
    """Answers from the zone: NXDOMAIN where it has no such name, nothing where it has the name with other types.

    `questions` counts what was asked, as ("a.example", "A"). `silence` maps a name to how many questions for it get
    no answer (each one takes one away).
    """

    def __init__(self, zone: Zone, silence: dict[str, int] | None = None) -> None:
        self.zone = zone
        self.silence = silence or {}
        self.questions: Counter[tuple[str, str]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.address = f"127.0.0.1:{self.port}"
        self._thread = Thread(target=self._serve, daemon=True)

    def __enter__(self) -> DnsServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as end:
            end.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            answer = self._answer(dns.message.from_wire(data))
            if answer is not None:
                self._socket.sendto(answer.to_wire(want_shuffle=False), sender)

    def _answer(self, query: dns.message.Message) -> dns.message.Message | None:
        (question,) = query.question
        name, record_type = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        self.questions[name, record_type] += 1
        if self.silence.get(name, 0) > 0:
            self.silence[name] -= 1
            return None
        answer = dns.message.make_response(query)
        answer.flags |= dns.flags.RA
        for wanted in (record_type, "CNAME"):
            if texts := self.zone.get((name, wanted)):
                answer.answer.append(dns.rrset.from_text_list(question.name, 60, "IN", wanted, texts))
                break
        else:
            if name == "broken.example":
                answer.set_rcode(dns.rcode.SERVFAIL)
            elif not any(known == name for known, _ in self.zone):
                answer.set_rcode(dns.rcode.NXDOMAIN)
        return answer
