from __future__ import annotations

import pytest

from backend.config import ConfigurationInvalid, load_config, read_config
from backend.identifiers.sealing import generate_key
from backend.reports.press import press_of
from backend.reports.signing import make_demonstration_certificate
from command_line.demo import _add_report_certificate


@pytest.fixture
def settings():
    return {
        "OSMANTHUS_DATABASE_URL": "sqlite://",
        "OSMANTHUS_SEALING_KEYS": f"test:{generate_key()}",
        "OSMANTHUS_INDEX_KEY": generate_key(),
        "OSMANTHUS_SIGNING_KEY": generate_key(),
        "OSMANTHUS_SIGN_IN": "demo",
    }


@pytest.fixture
def write(tmp_path, settings, now):
    """Settings with these two files; what is not given is a good pair."""
    good = make_demonstration_certificate("桂城市公共信用信息中心", now=now)

    def write(certificate=good.certificate, key=good.key):
        (tmp_path / "certificate.pem").write_bytes(certificate)
        (tmp_path / "key.pem").write_bytes(key)
        return {
            **settings,
            "OSMANTHUS_REPORT_CERTIFICATE": str(tmp_path / "certificate.pem"),
            "OSMANTHUS_REPORT_KEY": str(tmp_path / "key.pem"),
        }

    return write


def test_the_issuer_is_the_organisation_of_the_certificate(write):
    assert press_of(read_config(write())).issuer == "桂城市公共信用信息中心"


def test_a_server_runs_without_a_certificate(settings):
    assert read_config(settings).report_certificate is None


def test_a_certificate_that_cannot_sign_is_told_at_the_start(write, tmp_path, now):
    other = make_demonstration_certificate("别处", now=now)

    def refused(settings, why):
        with pytest.raises(ConfigurationInvalid, match=why):
            read_config(settings)

    refused(write(key=other.key), "is not the key of")
    refused({**write(), "OSMANTHUS_REPORT_KEY": ""}, "set both")
    refused({**write(), "OSMANTHUS_REPORT_CERTIFICATE": str(tmp_path / "nowhere.pem")}, "cannot be read")
    refused(write(certificate=b"nonsense"), "cannot be read")


def test_a_demo_city_gets_a_certificate_once_even_when_it_was_there_before(tmp_path, settings, monkeypatch):
    path = tmp_path / "osmanthus.env"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    monkeypatch.setenv("OSMANTHUS_ENV_FILE", str(path))

    _add_report_certificate()
    first = path.read_text()
    _add_report_certificate()

    assert path.read_text() == first
    assert (tmp_path / "report-key.pem").stat().st_mode & 0o777 == 0o600
    config = load_config({"OSMANTHUS_ENV_FILE": str(path)})
    assert press_of(config).issuer == "桂城市公共信用信息中心"
