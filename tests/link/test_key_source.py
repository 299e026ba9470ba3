"""Where the device's key may lie."""

from __future__ import annotations

import pytest

from edge.contracts.jws import KeySigner, OKPKey, Signer, read_decision, read_public_keys, sign, thumbprint, verify
from edge.errors import LinkError
from edge.link.identity import PUBLIC_KEY_FILE, Identity
from edge.link.key_source import CREDENTIAL, KEY_FILE, device_signer, read_key_file


class SecureElement:
    """Signs by its own private key, which no attribute leads to."""

    def __init__(self):
        key = OKPKey.generate_key("Ed25519")
        self.public = OKPKey.import_key(key.as_dict(private=False))
        self.kid = thumbprint(key)
        self.signed = []

        def sign_inside(content: bytes) -> bytes:
            self.signed.append(content)
            return key.private_key.sign(content)

        self.sign = sign_inside


@pytest.fixture
def credentials(tmp_path):
    """What systemd gives a service: a folder of decrypted files."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    key = OKPKey.generate_key("Ed25519")
    (folder / CREDENTIAL).write_bytes(key.as_pem(private=True))
    return folder, key


def test_a_secure_element_signs_decisions_and_nothing_is_written_but_its_public_half(tmp_path, make_decision):
    element: Signer = SecureElement()
    identity = Identity.open(tmp_path, "gate-1", element)
    decision = make_decision(identity)
    sealed = identity.seal(decision)
    keys = read_public_keys((tmp_path / PUBLIC_KEY_FILE).read_bytes(), PUBLIC_KEY_FILE)
    assert read_decision(sealed, keys) == decision
    assert (identity.key_id, keys[element.kid].device) == (element.kid, "gate-1")
    assert not (tmp_path / KEY_FILE).exists()
    assert len(element.signed) == 1


def test_a_key_and_its_signer_make_the_same_signature():
    key = OKPKey.generate_key("Ed25519")
    assert sign(b"{}", key) == sign(b"{}", KeySigner(key))


@pytest.mark.parametrize("key", [OKPKey.generate_key("Ed25519", private=False), OKPKey.generate_key("X25519")])
def test_what_cannot_sign_is_no_signer(key):
    with pytest.raises(ValueError, match="Ed25519 private key"):
        KeySigner(key)


def test_the_services_credential_is_taken_before_the_file_and_none_is_made(tmp_path, credentials):
    folder, key = credentials
    signer = device_signer(tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)})
    assert signer.kid == thumbprint(key)
    assert not (tmp_path / KEY_FILE).exists()


def test_without_such_a_credential_the_file_counts(tmp_path, credentials):
    folder, _ = credentials
    (folder / CREDENTIAL).unlink()
    made = device_signer(tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)})
    assert read_key_file(tmp_path / KEY_FILE).kid == made.kid == device_signer(tmp_path, {}).kid


def test_systemd_keeps_a_credential_so_its_mode_is_not_ours_to_judge(tmp_path, credentials):
    folder, key = credentials
    (folder / CREDENTIAL).chmod(0o440)
    assert device_signer(tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)}).kid == thumbprint(key)


@pytest.mark.parametrize("content", [b"", b"not a key", OKPKey.generate_key("Ed25519").as_pem(private=False)])
def test_a_credential_that_is_no_key_is_an_error_and_the_file_does_not_stand_in(tmp_path, credentials, content):
    folder, _ = credentials
    device_signer(tmp_path, {})
    (folder / CREDENTIAL).write_bytes(content)
    with pytest.raises(LinkError, match=CREDENTIAL):
        device_signer(tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)})


def test_a_credential_that_is_a_folder_is_named(tmp_path, credentials):
    folder, _ = credentials
    (folder / CREDENTIAL).unlink()
    (folder / CREDENTIAL).mkdir()
    with pytest.raises(LinkError, match=CREDENTIAL):
        device_signer(tmp_path, {"CREDENTIALS_DIRECTORY": str(folder)})


def test_a_requesters_signature_is_none_of_a_decision():
    key = OKPKey.generate_key("Ed25519")
    keys = read_public_keys(key.as_pem(private=False), "key.pem")
    with pytest.raises(LinkError, match="header"):
        verify(sign(b"{}", key, typ="livegate-request+json"), keys)
