"""Why a server is not reached, or goes away, in words that say what to do."""

from __future__ import annotations

import socket
import ssl
from typing import Literal

from pipeline.errors import BrokenFraming

Stage = Literal["connecting", "connected", "answered"]
"""How far it came: `answered` when the server has acknowledged something on this connection."""

_OUR_CERTIFICATE = (
    "it may want a certificate of this client, or another one: see tls.certificate and tls.key, and its log"
)
_NO_TLS = "perhaps it does not speak TLS: turn it on there, or take the table tls out here"
_WANTS_TLS = "if it speaks TLS, add the table [output.lumberjack.tls]; if not, its log says why"
_OF_CERTIFICATES = ("CERTIFICATE", "UNKNOWN_CA", "HANDSHAKE_FAILURE", "ACCESS_DENIED")
"""Parts of the alerts of a server that does not like ours."""


def reason(error: Exception, stage: Stage, *, tls: bool) -> str:
    """What to tell of an error."""
    match error:
        case ssl.SSLCertVerificationError():
            return _of_its_certificate(error.verify_message.rstrip("."))
        case ssl.SSLError():
            said = error.reason or str(error)
            ours = any(part in said for part in _OF_CERTIFICATES)
            return f"TLS failed ({said}): {_OUR_CERTIFICATE if ours else _NO_TLS}"
        case socket.gaierror():
            return f"the name of the host leads nowhere ({error.strerror}): see hosts"
        case ConnectionRefusedError():
            return "the connection is refused: nothing listens there, or a firewall is between"
        case TimeoutError():
            return str(error) or "it cannot be connected to in time: the host is down, or a firewall is between"
        case BrokenFraming():
            return f"{error}: is it the port of a beats input?"
        case ConnectionError():
            return f"it closed the connection{_of_closing(stage, tls=tls)}"
    return str(error) or type(error).__name__


def _of_its_certificate(said: str) -> str:
    if "mismatch" in said:
        remedy = 'name the host in hosts as its certificate does, or set tls.verification = "certificate"'
    elif "expired" in said or "not yet valid" in said:
        remedy = "renew it there, and look at the clocks"
    else:
        remedy = "name the file of the authority that signed it in tls.certificate_authorities"
    return f"its certificate is not trusted ({said}): {remedy}"


def _of_closing(stage: Stage, *, tls: bool) -> str:
    if stage == "answered":
        return ""
    if stage == "connecting":
        return f" at once: {_NO_TLS if tls else 'its log says why'}"
    return f" without an answer: {_OUR_CERTIFICATE if tls else _WANTS_TLS}"
