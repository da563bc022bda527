"""Names put together from common surnames and characters; whoever bears one in real life is not meant."""

from __future__ import annotations

import polars as pl

from demo_city.draws import Draws, Index

# Relative frequency, after the common surnames of the 2020 census.
_SURNAMES = (
    *(
        (surname, weight)
        for weight, surnames in (
            (70, "王李张刘陈"),
            (40, "杨黄赵吴周"),
            (20, "徐孙马朱胡郭何林高罗"),
            (12, "郑梁谢宋唐许邓韩冯曹"),
            (8, "彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢姚沈钟姜崔谭陆范汪廖"),
            (4, "石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷黎史龙陶贺毛郝顾龚邵万覃武钱戴严莫孔向常汤"),
        )
        for surname in surnames
    ),
    ("欧阳", 3),
    ("上官", 1),
    ("司马", 1),
    ("诸葛", 1),
)

_GIVEN = (
    "伟芳娜敏静丽强磊军洋勇艳杰涛明超霞平刚桂英华玉兰秀珍红梅建国文斌志鹏飞宇浩然子轩梓涵欣怡"
    "佳琪雨桐思远嘉睿诗语晨曦俊博雅婷慧玲淑云凤琴春燕海波雪松柏林森鑫晶莹琳璐瑶倩颖洁璇旭东辉"
    "永康福贵德胜利民安宁和顺庆祥瑞泽润清江河山川岳峰"
)

_TRADE_CHARACTERS = (
    "金桂丹瑞恒昌泰兴盛华达通宏伟鑫源诚信德润泽康安宁和祥福隆裕丰嘉美佳乐众联合创新科远航博雅明"
    "辰星云海川山岳峰林森木禾田园春秋荣耀天地方圆"
)

TRADES = (
    "建筑工程",
    "装饰设计",
    "商贸",
    "餐饮管理",
    "食品",
    "物业服务",
    "信息科技",
    "软件",
    "机械制造",
    "电子",
    "纺织",
    "服饰",
    "物流",
    "运输",
    "旅游",
    "文化传媒",
    "教育咨询",
    "人力资源",
    "环保科技",
    "农业发展",
    "园林绿化",
    "医疗器械",
    "家政服务",
    "汽车维修",
    "印刷包装",
    "建材",
    "化工",
    "新能源",
    "家具",
    "酒店管理",
)

ORGANISATION_NAMES = {
    "11": ("街道办事处", "应急管理中心", "市政管理局", "园林管理局", "农业农村局"),
    "12": ("第一中学", "实验小学", "人民医院", "图书馆", "文化馆", "社区卫生服务中心", "体育中心"),
    "51": ("志愿者协会", "餐饮行业协会", "建筑业协会", "摄影协会", "长跑协会", "物业服务行业协会"),
    "52": ("社会工作服务中心", "养老服务中心", "职业培训学校", "幼儿园", "公益图书馆"),
    "53": ("教育发展基金会", "慈善基金会", "生态保护基金会"),
}
ORGANISATION_TYPES = {
    "11": "机关",
    "12": "事业单位",
    "51": "社会团体",
    "52": "民办非企业单位",
    "53": "基金会",
}


def person_names(draws: Draws, index: Index) -> pl.Series:
    """A surname and one or two given characters, always the same for the same index."""
    surname = draws.pick_weighted("people/surname", index, _SURNAMES)
    first = draws.pick("people/given", index, _GIVEN)
    second = draws.pick("people/given-second", index, _GIVEN)
    return surname + first + second.set(pl.Series(draws.chance("people/short-name", index, 1400)), "")


def trade_names(draws: Draws, index: Index, stream: str) -> pl.Series:
    """字号 of two or three characters."""
    parts = [draws.pick(f"{stream}/{place}", index, _TRADE_CHARACTERS) for place in range(3)]
    return parts[0] + parts[1] + parts[2].set(pl.Series(draws.chance(f"{stream}/short", index, 6000)), "")
