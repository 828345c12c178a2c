"""The control plane's keys and certificates, made with openssl 3: one authority, and what it signs.

They pass the strict checks that Python has from 3.13 on (key identifiers, critical constraints, key usage).
"""

import subprocess
from dataclasses import dataclass
from pathlib import Path

_OF_AN_AUTHORITY = """\
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
"""
_OF_A_PARTY = """\
authorityKeyIdentifier = keyid
basicConstraints = critical, CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth, clientAuth
"""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its private key, as PEM files."""

    certificate: Path
    key: Path


class Authority:
    """Signs for one control plane. Its files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, mode=0o700)
        self._folder = folder
        self.pair = self._make("authority", "/CN=seedmill test cluster", _OF_AN_AUTHORITY, [])

    def server(self, name: str, alternatives: list[str]) -> Pair:
        """For a server that is reached under `alternatives`: `IP:127.0.0.1`, `DNS:localhost`."""
        extensions = f"{_OF_A_PARTY}subjectAltName = {', '.join(alternatives)}\n"
        return self._make(name, f"/CN={name}", extensions, self._signing)

    def user(self, name: str, group: str | None = None) -> Pair:
        """For a user as the API server reads it: CN is the name, O the group."""
        subject = f"/O={group}/CN={name}" if group else f"/CN={name}"
        return self._make(name.replace(":", "-"), subject, _OF_A_PARTY, self._signing)

    def signing_key(self, name: str) -> Path:
        """A bare RSA key: what tokens of ServiceAccounts are signed with."""
        key = self._folder / f"{name}.key"
        _openssl("genpkey", "-algorithm", "RSA", "-out", str(key))
        return key

    @property
    def _signing(self) -> list[str]:
        return ["-CA", str(self.pair.certificate), "-CAkey", str(self.pair.key)]

    def _make(self, name: str, subject: str, extensions: str, signing: list[str]) -> Pair:
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        config = self._folder / f"{name}.cnf"
        config.write_text(
            "[req]\ndistinguished_name = subject\nx509_extensions = extensions\n[subject]\n"
            f"[extensions]\nsubjectKeyIdentifier = hash\n{extensions}"
        )
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(pair.key)]
        out = ["-days", "3650", "-subj", subject, "-out", str(pair.certificate)]
        _openssl("req", "-x509", "-config", str(config), *key, *signing, *out)
        return pair


def _openssl(*arguments: str) -> None:
    done = subprocess.run(["openssl", *arguments], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.strip()[-500:]}")
