"""Where the demo city says it can be reached."""

from __future__ import annotations

from backend.config import load_config
from command_line.demo import remember_address


def test_reports_and_tokens_name_the_port_that_the_city_is_served_on_now(environment_file):
    before = environment_file.read_text()
    for port in (8091, 8092):
        remember_address(f"http://127.0.0.1:{port}")

    assert load_config({"OSMANTHUS_ENV_FILE": str(environment_file)}).public_url == "http://127.0.0.1:8092"
    assert environment_file.read_text() == before + "OSMANTHUS_PUBLIC_URL=http://127.0.0.1:8092\n"


def test_an_address_given_from_outside_is_left_alone(environment_file, monkeypatch):
    before = environment_file.read_text()
    monkeypatch.setenv("OSMANTHUS_PUBLIC_URL", "https://credit.example")
    remember_address("http://127.0.0.1:8091")
    assert environment_file.read_text() == before
