"""Telling in Chinese what is wrong with a command line: the library that reads it knows English alone.

It offers no catalogue of messages, so what it says is recognised by its form. A message of another form, and what
a command says itself, is passed on as it is. The headings of `--help` stay the library's.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

_KINDS = {"file": "文件", "directory": "文件夹", "path": "文件或文件夹", "argument": "参数", "option": "选项"}

_METAVARS = {"[OPTIONS]": "[选项]", "COMMAND": "命令", "[ARGS]...": "[参数]…"}

_SENTENCES: Sequence[tuple[str, str]] = (
    (r"No such option: (?P<what>\S+)(?: \(Possible options: (?P<near>.+)\))?", "没有 {what} 这个选项。"),
    (r"No such option: (?P<what>\S+)\.? Did you mean (?P<near>.+)\?", "没有 {what} 这个选项。"),
    (r"No such command '(?P<what>.+?)'\.(?: Did you mean (?P<near>.+)\?)?", "没有 {what} 这个命令。"),
    (r"Missing command\.", "后面还要写一个命令。"),
    (r"Missing (?P<kind>argument|option|parameter)(?: '(?P<what>.+?)')?\..*", "缺少{kind} {what}。"),
    (r"Option '(?P<what>.+)' requires an argument\.", "选项 {what} 后面要写一个值。"),
    (r"Option '(?P<what>.+)' requires (?P<count>\d+) arguments\.", "选项 {what} 后面要写 {count} 个值。"),
    (r"Option '(?P<what>.+)' does not take a value\.", "选项 {what} 后面不写值。"),
    (r"Got unexpected extra argument\(s\) \((?P<what>.+)\)", "多写了：{what}。"),
    (
        r"Invalid value for '(?P<what>.+?)'(?: \(env var: '(?P<near>.+?)'\))?: (?P<inner>.+)",
        "{what} 不对：{inner}",
    ),
    (r"Invalid value for (?P<what>.+?): (?P<inner>.+)", "{what} 不对：{inner}"),
    (r"Value error, (?P<inner>.+)", "{inner}"),
    (r"Invalid value: (?P<inner>.+)", "不对：{inner}"),
    (r"(?P<kind>file|directory|path) '(?P<what>.+)' does not exist\.", "没有 {what} 这个{kind}。"),
    (r"(?:file|directory|path) '(?P<what>.+)' is a file\.", "{what} 是文件，这里要写文件夹。"),
    (r"(?:file|directory|path) '(?P<what>.+)' is a directory\.", "{what} 是文件夹，这里要写文件。"),
    (r"(?:file|directory|path) '(?P<what>.+)' is not readable\.", "{what} 不可读，请检查权限。"),
    (r"(?:file|directory|path) '(?P<what>.+)' is not writable\.", "{what} 不可写，请检查权限。"),
    (r"'(?P<what>.*)' is not one of (?P<near>.+)\.", "没有 {what} 这个取值。"),
    (r"Input should be (?P<near>'.+)", "没有这个取值。"),
    (r"Input should be a valid integer.*", "应为整数。"),
    (r"Input should be a valid number.*", "应为数字。"),
    (r"Input should be a valid boolean.*", "应为 true 或 false。"),
    (r"Input should be a valid UUID.*", "应为编号（UUID）。"),
    (r"Input should be a valid date.*", "应为日期，如 2026-03-03。"),
    (r"Input should be greater than or equal to (?P<what>\S+)", "不能小于 {what}。"),
    (r"Input should be less than or equal to (?P<what>\S+)", "不能大于 {what}。"),
    (r"'(?P<what>.*)' does not match the formats? '%Y-%m-%d'\.", "{what} 不是日期，应写成 2026-03-03 这样。"),
)


def in_chinese(message: str) -> str:
    """What the library says, in Chinese where its form is known."""
    for form, sentence in _SENTENCES:
        if found := re.fullmatch(form, message.strip(), flags=re.DOTALL):
            said = found.groupdict(default="")
            words = {
                **said,
                "kind": _KINDS.get(said.get("kind", ""), "参数"),
                "inner": in_chinese(said.get("inner", "")),
            }
            told = sentence.format(**words)
            if words["inner"]:
                return told
            return f"{told}可以写：{_listed(said['near'])}。" if said.get("near") else told
    return message


def _listed(near: str) -> str:
    """'a', 'b' or 'c' → a、b、c."""
    return "、".join(re.findall(r"'([^']+)'", near)) or near


class SpeakingChinese(TyperGroup):
    """The outermost group of a program: `typer.Typer(cls=SpeakingChinese)`."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        def read_and_run() -> Any:
            return super(SpeakingChinese, self).main(
                args, prog_name, complete_var, False, windows_expand_args, **extra
            )

        if not standalone_mode:
            return read_and_run()
        try:
            code = read_and_run()
        except typer.TyperException as error:
            _tell(error)
            sys.exit(error.exit_code)
        except typer.Abort:
            typer.echo("已中止。", err=True)
            sys.exit(1)
        sys.exit(code if isinstance(code, int) else 0)


def _tell(error: typer.TyperException) -> None:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        # A group without a command: the message is its help, and empty where that was printed in colours already.
        typer.echo(message, err=True, nl=bool(message))
        return
    if context is not None:
        usage = re.sub(r"\s+", " ", context.get_usage()).removeprefix("Usage: ")
        for word, chinese in _METAVARS.items():
            usage = usage.replace(word, chinese)
        typer.echo(f"用法：{usage}\n帮助：{context.command_path} --help\n", err=True)
    typer.echo(f"出错：{in_chinese(message)}", err=True)
