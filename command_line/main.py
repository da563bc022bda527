"""`osmanthus`: everything an operator does from a terminal."""

from __future__ import annotations

import typer

from command_line import (
    benefits,
    catalogue,
    city,
    demo,
    identifiers,
    ledger,
    officers,
    partners,
    records,
    reports,
    scores,
    server,
)
from scoring.speaking import SpeakingChinese

app = typer.Typer(
    cls=SpeakingChinese,
    no_args_is_help=True,
    help="桂花：城市公共信用评分与信易+ 服务",
    pretty_exceptions_show_locals=False,
)
app.add_typer(demo.app, name="demo", help="演示城市：生成、归集、评分并启动服务")
app.add_typer(city.app, name="city", help="生成演示城市的数据文件")
app.add_typer(catalogue.app, name="catalogue", help="公共信用信息目录")
app.add_typer(records.app, name="records", help="归集：导入文件、处理待处理数据")
app.add_typer(scores.app, name="scores", help="评分：采用方案、运行、发布、解释")
app.add_typer(benefits.app, name="benefits", help="信易+ 权益方案")
app.add_typer(partners.app, name="partners", help="合作商户与密钥")
app.add_typer(reports.app, name="reports", help="信用报告：出具、核验")
app.add_typer(identifiers.app, name="identifiers", help="核对身份标识号码")
app.add_typer(officers.app, name="officers", help="信用办工作人员账号")
app.add_typer(ledger.app, name="ledger", help="台账：核验与摘要")
app.add_typer(server.app, name="server", help="数据库结构、网页服务、后台任务、接口文档")

if __name__ == "__main__":
    app()
