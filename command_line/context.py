"""What every command needs: the configuration and the city's database."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import typer

from backend.catalogue.templates import use_city_adjustments
from backend.city_calendar import WorkingDays
from backend.config import Config, ConfigurationInvalid, load_config
from backend.database import Database
from backend.ephemeral import change_announcer
from backend.errors import DomainError
from backend.identifiers.sealing import KeyRing
from backend.records.intake import Intake
from backend.repairs.service import states_in_force


@dataclass(frozen=True)
class Context:
    config: Config
    database: Database

    @cached_property
    def working_days(self) -> WorkingDays:
        """The installed calendar with what the city's own file adds."""
        return WorkingDays.from_file(self.config.working_days_file)

    @property
    def intake(self) -> Intake:
        return Intake(self.keys, self.working_days, states_in_force)

    @property
    def keys(self) -> KeyRing:
        return self.config.keys


def open_context() -> Context:
    """For commands: a missing or malformed setting ends the command with a sentence, not a traceback."""
    try:
        config = load_config(os.environ)
    except ConfigurationInvalid as error:
        typer.secho(f"配置不完整：{error}", fg=typer.colors.RED, err=True)
        typer.echo("可先运行 make run（自动生成演示配置），或按 docs/configuration.md 设置环境变量。", err=True)
        raise typer.Exit(2) from None
    try:
        use_city_adjustments(config.template_adjustments_file)
    except (DomainError, OSError) as error:
        typer.secho(f"模板调整文件有误：{error}", fg=typer.colors.RED, err=True)
        raise typer.Exit(2) from None
    return Context(
        config=config,
        database=Database(config.database_url, on_change=change_announcer(config.redis_url)),
    )
