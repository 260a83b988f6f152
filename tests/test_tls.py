from __future__ import annotations

import asyncio
import hashlib
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.serialization import pkcs12

from pipeline import tls
from pipeline.errors import ConfigurationError
from pipeline.tls import Identity, Rules, Trust, client_context, server_context

AUTHORITY = trustme.CA(key_type=trustme.KeyType.ECDSA)
SERVER = AUTHORITY.issue_cert("localhost", "127.0.0.1")
OTHER = AUTHORITY.issue_cert("other.example")


def key_of(issued: trustme.LeafCert) -> Any:
    return form.load_pem_private_key(issued.private_key_pem.bytes(), None)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    SERVER.private_key_pem.write_to_path(tmp_path / "server.key")
    SERVER.cert_chain_pems[0].write_to_path(tmp_path / "server.crt")
    OTHER.private_key_pem.write_to_path(tmp_path / "other.key")
    OTHER.cert_chain_pems[0].write_to_path(tmp_path / "other.crt")
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.crt")
    pem, pkcs8 = form.Encoding.PEM, form.PrivateFormat.PKCS8
    locked = key_of(SERVER).private_bytes(pem, pkcs8, form.BestAvailableEncryption(b"secret"))
    (tmp_path / "locked.key").write_bytes(locked)
    (tmp_path / "server.der").write_bytes(ssl.PEM_cert_to_DER_cert(SERVER.cert_chain_pems[0].bytes().decode()))
    from cryptography import x509

    certificate = x509.load_pem_x509_certificate(SERVER.cert_chain_pems[0].bytes())
    authority = x509.load_pem_x509_certificate(AUTHORITY.cert_pem.bytes())
    encrypted = form.BestAvailableEncryption(b"secret")
    store = pkcs12.serialize_key_and_certificates(b"server", key_of(SERVER), certificate, [authority], encrypted)
    (tmp_path / "server.p12").write_bytes(store)
    trusted = pkcs12.serialize_key_and_certificates(b"ca", None, None, [authority], encrypted)
    (tmp_path / "ca.p12").write_bytes(trusted)
    (tmp_path / "server.jks").write_bytes(b"\xfe\xed\xfe\xed\0\0\0\2")
    (tmp_path / "broken.crt").write_text("-----BEGIN CERTIFICATE-----\nno base64!\n-----END CERTIFICATE-----\n")
    return tmp_path


async def talk(server: ssl.SSLContext, client: ssl.SSLContext, name: str = "localhost") -> str:
    """The version of TLS on which the two agree; raises what the client meets."""

    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        writer.close()

    listening = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=server)
    port = listening.sockets[0].getsockname()[1]
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client, server_hostname=name)
        version = writer.get_extra_info("ssl_object").version()
        try:
            if await reader.read() != b"hello":
                raise ConnectionError("the server closed")
        finally:
            writer.close()
        return str(version)
    finally:
        listening.close()


def pair(folder: Path, **changes: Any) -> Identity:
    return Identity(**{"certificate": folder / "server.crt", "key": folder / "server.key", **changes})


def trust(folder: Path) -> Trust:
    return Trust([folder / "ca.crt"])


IDENTITIES = {
    "certificate and key": lambda folder: pair(folder),
    "an encrypted key": lambda folder: pair(folder, key=folder / "locked.key", passphrase="secret"),
    "a keystore": lambda folder: Identity(keystore=folder / "server.p12", passphrase="secret"),
}


@pytest.mark.parametrize("identity", IDENTITIES.values(), ids=IDENTITIES)
def test_a_client_trusts_a_server(folder: Path, identity: Any) -> None:
    server = server_context(identity(folder))
    for trusted in (
        trust(folder),
        Trust(truststore=folder / "ca.p12", truststore_passphrase="secret"),
        Trust(pem=AUTHORITY.cert_pem.bytes().decode()),
    ):
        assert asyncio.run(talk(server, client_context(trust=trusted))) == "TLSv1.3"


def test_verification(folder: Path) -> None:
    server = server_context(pair(folder))
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(talk(server, client_context()))
    with pytest.raises(ssl.SSLCertVerificationError):
        asyncio.run(talk(server, client_context(trust=trust(folder)), "elsewhere"))
    asyncio.run(talk(server, client_context(trust=trust(folder), verification="certificate"), "elsewhere"))
    asyncio.run(talk(server, client_context(verification="none"), "elsewhere"))


def test_client_certificates(folder: Path) -> None:
    without, stranger = client_context(trust=trust(folder)), trustme.CA().issue_cert("x")
    known = client_context(Identity(folder / "other.crt", folder / "other.key"), trust(folder))
    unknown = client_context(trust=trust(folder))
    stranger.configure_cert(unknown)
    required = server_context(pair(folder), trust(folder), clients="required")
    optional = server_context(pair(folder), trust(folder), clients="optional")
    assert asyncio.run(talk(required, known)) == asyncio.run(talk(optional, without)) == "TLSv1.3"
    for server, client in ((required, without), (required, unknown), (optional, unknown)):
        with pytest.raises(OSError):
            asyncio.run(talk(server, client))


def test_rules(folder: Path) -> None:
    anything = client_context(trust=trust(folder))
    older = server_context(
        pair(folder),
        rules=Rules(["TLSv1.2"], ["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]),
    )
    assert asyncio.run(talk(older, anything)) == "TLSv1.2"
    names = [cipher["name"] for cipher in older.get_ciphers() if "ECDHE" in cipher["name"]]
    assert names == ["ECDHE-ECDSA-AES128-GCM-SHA256"]
    oldest = server_context(pair(folder), rules=Rules(["TLSv1.1", "TLSv1.3"]))
    assert oldest.options & ssl.OP_NO_TLSv1_2
    assert client_context(rules=Rules(["TLSv1.3"])).minimum_version == ssl.TLSVersion.TLSv1_3


FAULTS: dict[str, tuple[Any, str]] = {
    "no file": (lambda f: pair(f, key=f / "none.key"), r"there is no file .*/none.key"),
    "a folder": (lambda f: pair(f, certificate=f), "cannot be read: Is a directory"),
    "DER": (
        lambda f: pair(f, certificate=f / "server.der"),
        r"server.der is no PEM certificate; convert it: openssl x509",
    ),
    "no key": (lambda f: pair(f, key=f / "server.crt"), r"server.crt is no PEM key; convert it: openssl pkey"),
    "another key": (
        lambda f: pair(f, key=f / "other.key"),
        r"other.key does not belong to the certificate .*server.crt",
    ),
    "no passphrase": (lambda f: pair(f, key=f / "locked.key"), r"locked.key is encrypted; give its passphrase"),
    "a wrong passphrase": (
        lambda f: pair(f, key=f / "locked.key", passphrase="wrong"),
        r"the passphrase does not open the key .*locked.key",
    ),
    "a broken certificate": (
        lambda f: pair(f, certificate=f / "broken.crt"),
        r"broken.crt with the key .* cannot be used",
    ),
    "nothing": (lambda f: Identity(), "a server needs a certificate and a key"),
    "a Java keystore": (lambda f: Identity(keystore=f / "server.jks"), r"only Java reads; convert it: keytool"),
    "no keystore": (lambda f: Identity(keystore=f / "none.p12"), r"none.p12 cannot be read: No such file"),
    "a keystore with a wrong passphrase": (
        lambda f: Identity(keystore=f / "server.p12", passphrase="wrong"),
        r"server.p12 cannot be opened with this passphrase",
    ),
    "a keystore without a key": (lambda f: Identity(keystore=f / "ca.p12", passphrase="secret"), "holds no key"),
}


@pytest.mark.parametrize(("identity", "why"), FAULTS.values(), ids=FAULTS)
def test_faults_name_the_file_and_the_remedy(folder: Path, identity: Any, why: str) -> None:
    with pytest.raises(ConfigurationError, match=why):
        server_context(identity(folder))


def test_faults_of_trust_and_rules(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="required, but no certificate authority is given"):
        server_context(pair(folder), clients="required")
    with pytest.raises(ConfigurationError, match=r"broken.crt holds no usable certificate"):
        client_context(trust=Trust([folder / "broken.crt"]))
    with pytest.raises(
        ConfigurationError, match='OpenSSL has no cipher suite "TLS_NO_WITH_SUCH_SUITE"; known are: TLS_'
    ):
        client_context(rules=Rules(ciphers=["TLS_NO_WITH_SUCH_SUITE"]))


def test_a_keystore_without_the_package_that_reads_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cryptography.hazmat.primitives.serialization", None)
    with pytest.raises(
        ConfigurationError, match=r"needs the package cryptography; install it, or convert it: openssl pkcs12"
    ):
        server_context(Identity(keystore=folder / "server.p12", passphrase="secret"))


def test_names_of_suites() -> None:
    assert tls.openssl_name("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384") == "ECDHE-RSA-AES256-GCM-SHA384"
    assert tls.openssl_name("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256") == "ECDHE-RSA-CHACHA20-POLY1305"
    assert tls.openssl_name("TLS_RSA_WITH_AES_128_CBC_SHA") == "AES128-SHA"
    assert tls.openssl_name("ECDHE-RSA-AES256-GCM-SHA384") == "ECDHE-RSA-AES256-GCM-SHA384"
    for suite in tls.SUITES:
        assert tls.suite_name(tls.openssl_name(suite)) == suite
    assert tls.suite_name("AES128-SHA") == "AES128-SHA"


def test_names_of_subjects() -> None:
    subject = ((("countryName", "NL"),), (("organizationName", "A, B"),), (("commonName", "#x "), ("userId", "u")))
    assert tls.subject_name({"subject": subject}) == "CN=\\#x\\ +UID=u,O=A\\, B,C=NL"
    assert tls.subject_name({}) == ""


def test_an_authority_is_found_by_its_fingerprint(folder: Path) -> None:
    chain = folder / "chain.pem"
    chain.write_bytes(SERVER.cert_chain_pems[0].bytes() + AUTHORITY.cert_pem.bytes())
    server = server_context(pair(folder, certificate=chain))
    wanted = hashlib.sha256(ssl.PEM_cert_to_DER_cert(AUTHORITY.cert_pem.bytes().decode())).hexdigest()

    async def test() -> None:
        listening = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0, ssl=server)
        port = listening.sockets[0].getsockname()[1]
        written = ":".join(wanted[start : start + 2].upper() for start in range(0, 64, 2))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=client_context(verification="none"))
        presented = writer.get_extra_info("ssl_object")._sslobj.get_unverified_chain()
        writer.close()
        listening.close()
        pem = tls.authority_in(presented, written)
        assert pem is not None
        assert tls.authority_in(presented, "00") is None
        assert await talk(server, client_context(trust=Trust(pem=pem))) == "TLSv1.3"

    asyncio.run(test())
