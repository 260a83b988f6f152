"""TLS contexts from the `ssl_*` options of a plugin, for servers and clients, with errors that name file and remedy.

    Identity    what this side presents: certificate and key, or a PKCS#12 keystore that holds both
    Trust       whom it trusts: certificate authorities in PEM files, in a PKCS#12 truststore, or by fingerprint
    Rules       protocol versions and cipher suites; suites may have their IANA name or OpenSSL's

    server_context(identity, trust, rules, clients="required")
    client_context(identity, trust, rules, verification="full")

Whatever cannot be used raises `ConfigurationError`. Reads files when it is called, and keeps nothing.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pipeline.errors import ConfigurationError

Clients = Literal["none", "optional", "required"]
"""Whether clients are asked for a certificate, and whether they must have one."""
Verification = Literal["full", "certificate", "none"]
"""`full`: the certificate is trusted and names the host; `certificate`: it is trusted; `none`: anything goes."""
Protocol = Literal["TLSv1.1", "TLSv1.2", "TLSv1.3"]

# ---------------------------------------------------------------------------------------------- option groups


@dataclass(frozen=True, slots=True)
class Identity:
    """What this side presents; nothing if empty."""

    certificate: Path | None = None
    """A PEM file: the certificate, and its chain after it."""
    key: Path | None = None
    """A PEM file; None if the key is in the certificate's file."""
    passphrase: str | None = None
    keystore: Path | None = None
    """A PKCS#12 file, in place of certificate and key; `passphrase` opens it."""
    chain: Sequence[Path] = ()
    """PEM files: certificates between this one and its authority, in their order."""


@dataclass(frozen=True, slots=True)
class Trust:
    """Whom this side trusts; for a client, the authorities of the machine if empty."""

    authorities: Sequence[Path] = ()
    truststore: Path | None = None
    truststore_passphrase: str | None = None
    pem: str = ""
    """Authorities as text, such as `authority_in` returns."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How the two sides may talk; OpenSSL's choice if empty, from TLS 1.2 on."""

    protocols: Sequence[Protocol] = ()
    ciphers: Sequence[str] = ()


# ---------------------------------------------------------------------------------------------- contexts


def server_context(
    identity: Identity, trust: Trust = Trust(), rules: Rules = Rules(), clients: Clients = "none"
) -> ssl.SSLContext:
    """The context of a listening socket."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if clients != "none":
        if not _trusted(context, trust):
            raise ConfigurationError([f"client certificates are {clients}, but no certificate authority is given"])
        context.verify_mode = ssl.CERT_REQUIRED if clients == "required" else ssl.CERT_OPTIONAL
    if not _presented(context, identity):
        raise ConfigurationError(["a server needs a certificate and a key"])
    _ruled(context, rules)
    return context


def client_context(
    identity: Identity = Identity(),
    trust: Trust = Trust(),
    rules: Rules = Rules(),
    verification: Verification = "full",
) -> ssl.SSLContext:
    """The context of an outgoing connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = verification == "full"
    context.verify_mode = ssl.CERT_NONE if verification == "none" else ssl.CERT_REQUIRED
    if not _trusted(context, trust):
        context.load_default_certs()
    _presented(context, identity)
    _ruled(context, rules)
    return context


def _trusted(context: ssl.SSLContext, trust: Trust) -> bool:
    texts = [(path, _pem(path, "CERTIFICATE", "certificate")) for path in trust.authorities]
    if trust.truststore is not None:
        texts.append((trust.truststore, _pkcs12(trust.truststore, trust.truststore_passphrase)[2]))
    if trust.pem:
        texts.append((Path("the authority"), trust.pem))
    for path, text in texts:
        try:
            context.load_verify_locations(cadata=text)
        except ssl.SSLError as error:
            raise ConfigurationError([f"{path} holds no usable certificate: {_said(error)}"]) from None
    return bool(texts)


def _presented(context: ssl.SSLContext, identity: Identity) -> bool:
    if identity.keystore is not None:
        certificates, key, _ = _pkcs12(identity.keystore, identity.passphrase)
        if not key:
            raise ConfigurationError([f"{identity.keystore} holds no key"])
        _load_text(context, certificates, key)
        return True
    if identity.certificate is None:
        return False
    chain = "\n".join(_pem(path, "CERTIFICATE", "certificate") for path in (identity.certificate, *identity.chain))
    key_path = identity.key or identity.certificate
    text = _pem(key_path, "PRIVATE KEY", "key")
    try:
        if not identity.chain:
            context.load_cert_chain(identity.certificate, key_path, lambda: identity.passphrase or "")
        else:
            with tempfile.NamedTemporaryFile("w", suffix=".pem", encoding="latin-1") as file:  # OpenSSL wants one file
                file.write(chain)
                file.flush()
                context.load_cert_chain(file.name, key_path, lambda: identity.passphrase or "")
    except (ssl.SSLError, ValueError) as error:
        raise ConfigurationError([_why_not(identity, key_path, text, error)]) from None
    return True


def _why_not(identity: Identity, key: Path, text: str, error: Exception) -> str:
    if "KEY_VALUES_MISMATCH" in str(error) or "TYPE_MISMATCH" in str(error):
        return f"the key {key} does not belong to the certificate {identity.certificate}; give the pair of one request"
    if "ENCRYPTED" in text:
        if not identity.passphrase:
            return f"the key {key} is encrypted; give its passphrase"
        return f"the passphrase does not open the key {key}"
    return f"{identity.certificate} with the key {key} cannot be used: {_said(error)}"


def _said(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)


# ---------------------------------------------------------------------------------------------- files


def _pem(path: Path, label: str, what: str) -> str:
    try:
        text = path.read_text(encoding="latin-1")
    except FileNotFoundError:
        raise ConfigurationError([f"there is no file {path}"]) from None
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    if f"{label}-----" not in text:
        tool = "x509" if label == "CERTIFICATE" else "pkey"
        remedy = f"convert it: openssl {tool} -inform der -in {path} -out {path.with_suffix('.pem')}"
        raise ConfigurationError([f"{path} is no PEM {what}; {remedy}"])
    return text


def _pkcs12(path: Path, passphrase: str | None) -> tuple[str, str, str]:
    """Certificate with chain, key (encrypted with `_SESSION`) and authorities of a keystore, as PEM."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError([f"{path} cannot be read: {error.strerror}"]) from None
    remedy = f"convert it: openssl pkcs12 -in {path} -out {path.with_suffix('.pem')}"
    if data[:4] == b"\xfe\xed\xfe\xed":
        store = path.with_suffix(".p12")
        to_pkcs12 = f"keytool -importkeystore -srckeystore {path} -destkeystore {store} -deststoretype pkcs12"
        raise ConfigurationError([f"{path} is a Java keystore, which only Java reads; convert it: {to_pkcs12}"])
    try:
        from cryptography.hazmat.primitives import serialization as form
        from cryptography.hazmat.primitives.serialization import pkcs12
    except ImportError:
        raise ConfigurationError([f"{path} needs the package cryptography; install it, or {remedy}"]) from None
    try:
        store12 = pkcs12.load_pkcs12(data, passphrase.encode() if passphrase else None)
    except ValueError as error:
        raise ConfigurationError([f"{path} cannot be opened with this passphrase: {error}; or {remedy}"]) from None
    certificates = [entry.certificate for entry in (store12.cert, *store12.additional_certs) if entry is not None]
    texts = [certificate.public_bytes(form.Encoding.PEM).decode() for certificate in certificates]
    key = ""
    if store12.key is not None:
        encrypted = form.BestAvailableEncryption(_SESSION.encode())
        key = store12.key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, encrypted).decode()
    return "".join(texts), key, "".join(texts)


_SESSION = os.urandom(32).hex()
"""OpenSSL reads a key from a file only; on its way through one it is encrypted with this."""


def _load_text(context: ssl.SSLContext, certificates: str, key: str) -> None:
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(certificates + key)
        file.flush()
        context.load_cert_chain(file.name, password=_SESSION)


# ---------------------------------------------------------------------------------------------- rules

_VERSIONS = {
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


def between(lowest: float | None, highest: float | None) -> list[Protocol]:
    """The versions from one number to another, as the former options `tls_min_version` and `tls_max_version` say it.

    Nothing where neither is given; raises ValueError where none is between them.
    """
    if lowest is None and highest is None:
        return []
    to = highest or 1.3
    since = lowest or min(1.2, to)
    known: dict[float, Protocol] = {1.1: "TLSv1.1", 1.2: "TLSv1.2", 1.3: "TLSv1.3"}
    found = [name for number, name in known.items() if since <= number <= to]
    if not found:
        raise ValueError(f"there is no TLS version from tls_min_version {since} to tls_max_version {to}")
    return found


SUITES = (
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
)
"""The suites that Logstash offers, under their IANA names."""


def openssl_name(suite: str) -> str:
    """OpenSSL's name of a suite: `TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384` is `ECDHE-RSA-AES256-GCM-SHA384`."""
    exchange, found, rest = suite.upper().removeprefix("TLS_").partition("_WITH_")
    if not found:
        return suite
    rest = re.sub(r"AES_(\d+)", r"AES\1", rest.replace("_CBC", "").replace("POLY1305_SHA256", "POLY1305"))
    return ("" if exchange == "RSA" else exchange.replace("_", "-") + "-") + rest.replace("_", "-")


_IANA_NAMES = {openssl_name(suite): suite for suite in SUITES}


def _ruled(context: ssl.SSLContext, rules: Rules) -> None:
    wanted = sorted(_VERSIONS[protocol] for protocol in rules.protocols) or list(_VERSIONS.values())[1:]
    level = ""
    with warnings.catch_warnings():  # TLS 1.1 is deprecated; whoever asks for it knows
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = wanted[0], wanted[-1]
        if wanted[0] == ssl.TLSVersion.TLSv1_1:
            level = ":@SECLEVEL=0"
            context.set_ciphers("DEFAULT" + level)
            if ssl.TLSVersion.TLSv1_2 not in wanted:
                context.options |= ssl.OP_NO_TLSv1_2
    # The suites of TLS 1.3 cannot be chosen through Python; all three are sound.
    older = [suite for suite in rules.ciphers if "_WITH_" in suite.upper() or not suite.upper().startswith("TLS_")]
    for suite in older:
        try:
            context.set_ciphers(openssl_name(suite))
        except ssl.SSLError:
            known = ", ".join(SUITES)
            raise ConfigurationError([f'OpenSSL has no cipher suite "{suite}"; known are: {known}']) from None
    if older:
        context.set_ciphers(":".join(openssl_name(suite) for suite in older) + level)


# ---------------------------------------------------------------------------------------------- peers

_SHORT = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}


def subject_name(certificate: Mapping[str, Any]) -> str:
    """The subject of a certificate, as `getpeercert` gives it, in the form of RFC 2253: `CN=api,O=Apex`."""
    parts = (
        "+".join(f"{_SHORT.get(name, name)}={_escaped(value)}" for name, value in part)
        for part in reversed(certificate.get("subject", ()))
    )
    return ",".join(parts)


def _escaped(value: str) -> str:
    return re.sub(r'([,+"\\<>;]|^[ #]| $)', r"\\\1", value)


def suite_name(openssl: str) -> str:
    """The IANA name of a suite, where it is one that Logstash offers."""
    return _IANA_NAMES.get(openssl, openssl)


def authority_in(chain: Iterable[Any], fingerprint: str) -> str | None:
    """The certificate, as PEM, of a chain as the `ssl` module gives it, that has a SHA-256 fingerprint.

    It is what to trust (`Trust.pem`); the server is verified when it is connected to with that.
    """
    wanted = re.sub(r"[^0-9a-f]", "", fingerprint.lower())
    for certificate in chain:
        pem: str = certificate.public_bytes()
        if hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest() == wanted:
            return pem
    return None
