"""A command line that speaks Chinese: its help, and what is wrong with what was typed.

The library knows English alone. It marks only some of its words for gettext, offers no catalogue of them, and
would choose by the language of the environment; these programs speak Chinese wherever they run. So the places it
offers are used: a context class that writes help and usage, and a group that tells refusals. What the library says
is recognised by its form; a message of another form, and what a command says itself, is passed on as it is.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import typer
from rich.cells import cell_len
from typer.core import TyperArgument, TyperCommand, TyperGroup

_KINDS = {"file": "文件", "directory": "文件夹", "path": "文件或文件夹", "argument": "参数", "option": "选项"}

_METAVARS = {"[OPTIONS]": "[选项]", "COMMAND [ARGS]...": "命令 [参数]…"}

_VALUES = {
    "bool": "",
    "str": "文本",
    "int": "整数",
    "int range": "整数",
    "float": "数",
    "float range": "数",
    "file": "文件",
    "directory": "文件夹",
    "path": "路径",
    "Path": "路径",
    "datetime": "时间",
    "%Y-%m-%d": "日期",
    "UUID": "编号",
}

_HELP = {
    "Show this message and exit.": "显示这份帮助。",
    "Install completion for the current shell.": "为当前的命令行环境装上按 Tab 键补全。",
    "Show completion for the current shell, to copy it or customize the installation.": (
        "显示补全脚本，供复制或改写后自行安装。"
    ),
}

_NOTES: Sequence[tuple[str, str]] = (
    (r"required", "必填"),
    (r"default: (.+)", r"默认：\1"),
    (r"env var: (.+)", r"环境变量：\1"),
    (r"x>=(\S+)", r"不小于 \1"),
    (r"x<=(\S+)", r"不大于 \1"),
    (r"(\S+)<=x<=(\S+)", r"\1 至 \2"),
)

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


class _Context(typer.Context):
    """One command as it was typed, whose help and usage are written in Chinese."""

    def get_usage(self) -> str:
        pieces = [_METAVARS.get(each, each) for each in self.command.collect_usage_pieces(self)]
        return " ".join(["用法：" + self.command_path, *pieces])

    def get_help(self) -> str:
        about = inspect.cleandoc(self.command.help or "").partition("\f")[0]
        records = [
            (isinstance(each, TyperArgument), each.get_help_record(self)) for each in self.command.get_params(self)
        ]
        return "\n\n".join(
            part
            for part in (
                typer.style(self.get_usage(), bold=True),
                *("\n".join(_lines(each, indent=2)) for each in about.split("\n\n") if each),
                _listing("参数：", [record for argument, record in records if argument and record]),
                _listing("选项：", [record for argument, record in records if not argument and record]),
                _listing("命令：", list(self._commands())),
            )
            if part
        )

    def _commands(self) -> Iterable[tuple[str, str]]:
        if isinstance(self.command, TyperGroup):
            for name in self.command.list_commands(self):
                command = self.command.get_command(self, name)
                if command is not None and not command.hidden:
                    about = command.short_help or command.help or ""
                    yield name, inspect.cleandoc(about).partition("\n\n")[0]


def _listing(heading: str, records: Sequence[tuple[str, str]]) -> str:
    named = [(_named(name), _described(about)) for name, about in records]
    if not named:
        return ""
    indent = 4 + min(max(cell_len(name) for name, _ in named), 30)
    lines = [typer.style(heading, bold=True)]
    for name, about in named:
        told = _lines(about, indent)
        start = "  " + typer.style(name, fg="cyan")
        if cell_len(name) + 4 > indent:
            lines += [start, *told]
        else:
            lines += [start + told[0][2 + cell_len(name) :], *told[1:]]
    return "\n".join(lines)


def _lines(text: str, indent: int) -> list[str]:
    """The text over as many lines as the terminal asks for.

    A line may end after any Chinese character, and never begins with the mark that closes what stands before.
    """
    width = max(min(shutil.get_terminal_size().columns, 100) - indent, 20)
    lines = [""]
    for unit in re.findall(r"\n|[（“《]*(?:[!-~]+|.)[，。；：、！？）”》…]*", text):
        if unit == "\n" or cell_len(lines[-1] + unit.rstrip()) > width:
            lines.append("")
        lines[-1] += unit if lines[-1] else unit.lstrip()
    return [(" " * indent + line).rstrip() for line in lines]


def _named(name: str) -> str:
    """--threads <int range> → --threads <整数>; the type of an option that takes no value is not told."""
    return re.sub(
        r" <([^<>]+)>",
        lambda found: f" <{told}>" if (told := _VALUES.get(found[1], found[1])) else "",
        re.sub(r"<list\[(\w+)\]>", r"<\1>", name),
    )


def _described(about: str) -> str:
    """What a parameter is for, and what the library adds: [default: 8; x>=1] → （默认：8；不小于 1）."""
    text, notes = about, ""
    if found := re.fullmatch(r"(?P<text>.*?)(?:^|  )\[(?P<notes>[^\]]+)\]", about, flags=re.DOTALL):
        text, notes = found["text"], "；".join(_noted(each) for each in found["notes"].split("; "))
    text = _HELP.get(text, text)
    return f"{text}（{notes}）" if notes else text


def _noted(note: str) -> str:
    for form, told in _NOTES:
        if found := re.fullmatch(form, note):
            return found.expand(told)
    return note


class SpeakingChinese(TyperGroup):
    """The outermost group of a program: `typer.Typer(cls=SpeakingChinese)`. All below it speaks Chinese too."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        _let_speak(self)

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


def _let_speak(command: TyperCommand | TyperGroup) -> None:
    command.context_class = _Context
    for each in getattr(command, "commands", {}).values():
        _let_speak(each)


def _tell(error: typer.TyperException) -> None:
    context = getattr(error, "ctx", None)
    message = error.format_message()
    if type(error).__name__ == "NoArgsIsHelpError":
        # A group without a command: the message is its help.
        typer.echo(message, err=True)
        return
    if context is not None:
        typer.echo(f"{context.get_usage()}\n帮助：{context.command_path} --help\n", err=True)
    typer.echo(f"出错：{in_chinese(message)}", err=True)
