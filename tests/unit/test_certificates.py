"""The certificate of a local cloud: clients that are given its bundle trust it, and nobody else does."""

import ssl
import stat
from datetime import UTC, datetime
from pathlib import Path

import certifi
import pytest
from cryptography import x509

from localcloud.certificates import write_certificate


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    return write_certificate(tmp_path_factory.mktemp("certificates"))


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> ssl.SSLObject:
    """A TLS handshake in memory; the client's end of it. Raises what the client finds wrong."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    done: set[ssl.SSLObject] = set()
    while len(done) < len(ends):
        for end in ends:
            try:
                end.do_handshake()
                done.add(end)
            except ssl.SSLWantReadError:
                continue
    return ends[0]


def server_context(written: tuple[Path, Path, Path]) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(written[0], written[1])
    return context


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_clients_with_the_bundle_trust_the_cloud_under_its_names(written: tuple[Path, Path, Path], name: str) -> None:
    client = ssl.create_default_context(cafile=str(written[2]))

    assert shake_hands(server_context(written), client, name).version() in ("TLSv1.2", "TLSv1.3")


def test_clients_with_the_public_roots_alone_do_not_trust_it(written: tuple[Path, Path, Path]) -> None:
    client = ssl.create_default_context(cafile=certifi.where())

    with pytest.raises(ssl.SSLCertVerificationError, match="self-signed"):
        shake_hands(server_context(written), client, "localhost")


def test_it_is_trusted_under_no_other_name(written: tuple[Path, Path, Path]) -> None:
    client = ssl.create_default_context(cafile=str(written[2]))

    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for 'example\.org'"):
        shake_hands(server_context(written), client, "example.org")


def test_the_bundle_of_another_cloud_does_not_do(written: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, _, foreign = write_certificate(tmp_path)
    client = ssl.create_default_context(cafile=str(foreign))

    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(server_context(written), client, "localhost")


def test_the_private_key_is_its_owners_alone(written: tuple[Path, Path, Path]) -> None:
    assert stat.S_IMODE(written[1].stat().st_mode) == stat.S_IRUSR | stat.S_IWUSR


def test_the_certificate_is_valid_now_and_not_for_long(written: tuple[Path, Path, Path]) -> None:
    certificate = x509.load_pem_x509_certificate(written[0].read_bytes())

    assert certificate.not_valid_before_utc < datetime.now(UTC) < certificate.not_valid_after_utc
    assert (certificate.not_valid_after_utc - datetime.now(UTC)).days <= 30


def test_the_bundle_keeps_the_machines_own_roots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's certificate, which a machine names in SSL_CERT_FILE, goes on being trusted."""
    (tmp_path / "proxy").mkdir()
    proxy, _, _ = write_certificate(tmp_path / "proxy")
    monkeypatch.setenv("SSL_CERT_FILE", str(proxy))

    certificate, _, bundle = write_certificate(tmp_path)

    assert bundle.read_bytes() == certificate.read_bytes() + proxy.read_bytes()


def test_without_roots_of_its_own_a_machine_gets_the_public_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = ssl.get_default_verify_paths()._replace(cafile="")
    monkeypatch.setattr(ssl, "get_default_verify_paths", lambda: nowhere)

    certificate, _, bundle = write_certificate(tmp_path)

    assert bundle.read_bytes() == certificate.read_bytes() + Path(certifi.where()).read_bytes()
