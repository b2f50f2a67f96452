"""Other names for places and bodies: what an augmented document calls them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

import numpy as np

from bangfu.training import known_names
from bangfu.training.gazetteer import gazetteer, short


def _words(line: str) -> tuple[str, ...]:
    return tuple(line.split())


# Parts of names of bodies: what they are for, how a company is called, what it makes, how it calls itself.
_FIELDS = _words(
    "慈善 扶贫开发 扶贫 青少年发展 老龄事业发展 残疾人福利 妇女儿童发展 教育发展 教育 卫生健康 红十字 "
    "见义勇为 志愿服务 社会工作 乡村振兴 生态环境保护 文化 科技 体育 医药 建筑业 餐饮 家政服务 心理健康 "
    "法律援助 义工 敬老 助残 救灾 水利 农业 林业 茶叶 果业"
)
_ASSOCIATIONS = _words("总会 协会 联合会 促进会 基金会 服务中心 商会 学会 志愿者协会 发展促进会 公益联合会")
_BRANDED = ("公益基金会", "慈善基金会", "公益服务中心", "志愿服务队")
_OFFICES = _words(
    "民政局 教育局 财政局 卫生健康局 农业农村局 乡村振兴局 扶贫办 扶贫开发办公室 人力资源和社会保障局 "
    "退役军人事务局 应急管理局 水务局 交通运输局 住房和城乡建设局 残联 妇联 总工会 团委 工商联 红十字会 "
    "医疗保障局 文化和旅游局 税务局 公安局"
)
_SCHOOLS = _words("第一中学 实验小学 中心小学 职业技术学校 特殊教育学校 幼儿园 高级中学 第三小学 师范学院 职业技术学院")
_HOSPITALS = _words("人民医院 中医院 妇幼保健院 第二人民医院 中心卫生院 康复医院 眼科医院 口腔医院")
_INDUSTRIES = _words(
    "实业 药业 乳业 食品 建设 置业 农业科技 生物科技 纺织 电子 汽车 能源 环保科技 物流 茶业 酒业 "
    "化工 机械 信息技术 文化传媒 水务 矿业 商贸"
)
_COMPANIES = _words("有限公司 集团有限公司 股份有限公司 集团 有限责任公司 控股集团")
_SYLLABLES = _words(
    "安 邦 博 昌 诚 德 东 丰 福 富 光 广 海 和 恒 宏 华 汇 佳 嘉 建 锦 景 康 利 联 隆 茂 "
    "铭 宁 鹏 启 瑞 盛 顺 泰 天 同 旺 信 兴 欣 鑫 雅 耀 益 银 永 裕 远 泽 正 中 众 卓 麦 "
    "禾 川 岭 云 晨 曦 星 蓝 青"
)
_FIRST = _words(
    "大 小 上 下 东 西 南 北 中 新 老 高 平 长 白 黑 红 黄 青 金 银 石 龙 凤 马 羊 牛 虎 双 三 七 八 九 王家 李家 张家 "
    "陈家 刘家 杨家 罗家 周家 曹家 郑家"
)
_SECOND = _words("山 河 溪 沟 坪 坝 塘 湾 岭 桥 寨 店 庄 营 堡 口 泉 林 岗 滩 洞 井 渡 铺 屯 冲 垭 垸 浦 洲")
# Tibetan, Yi, Uyghur and Mongolian names as they are written in Chinese
_SOUNDS = _words(
    "扎 西 木 加 色 尔 康 玛 吉 格 多 勒 措 然 充 布 尼 巴 乌 阿 达 拉 贡 则 瓦 觉 洛 依 "
    "热 克 提 库 托 浩 日 图 旺 曲 隆 央 孜 宗 仁 青"
)
_CRAFTS = _words(
    "种植 养殖 茶叶种植 中药材种植 蔬菜 水果 食用菌 编织 农产品加工 肉牛养殖 粮食烘干 农机服务 蜜蜂养殖 核桃 花椒 刺绣"
)
_COOPERATIVES = _words("专业合作社 农民专业合作社 合作社 农民合作社 种养专业合作社 家庭农场")
_GROUPS = _words(
    "工作领导小组 领导小组办公室 前方工作组 前方指挥部 驻村工作队 对口支援前方工作组 联席会议办公室 志愿服务队 工作专班"
)
_TASKS = _words("脱贫攻坚 扶贫开发 东西部协作 对口支援 乡村振兴 定点帮扶 疫情防控 抗震救灾 社会救助")
_MEDIA = _words(
    "日报 晚报 都市报 晨报 商报 新闻网 日报客户端 融媒体中心 广播电视台 电视台 在线 发布 云 青年报 农村报 教育电视台"
)
_PARTY = _words("组织部 宣传部 统战部 政法委 纪委监委 农村工作领导小组办公室 老干部局 社会工作部")
_UNITS = _words("村委会 村民委员会 党支部 村党支部 党总支")
_BANKS = _words("工商银行 农业银行 建设银行 中国银行 邮储银行 农村商业银行 农村信用社 人寿保险 人民财产保险 太平洋保险")
_HOMES = _words(
    "敬老院 福利院 儿童福利院 中心敬老院 救助管理站 托养中心 养老服务中心 老年公寓 残疾人康复中心 未成年人救助保护中心"
)
_TEAMS = _words("救援队 医疗队 支教团 志愿服务总队 应急救援队 青年突击队 义工队 消防救援大队 蓝天救援队 爱心车队")
_KIN = _words("同乡会 联谊会 校友会 宗亲会 乡亲会 商会 企业家联谊会")
_STUDIES = _words("研究所 研究院 研究会 农业科学院 设计院 科学研究所")
_COURTS = _words("人民法院 人民检察院 法律援助中心 公证处")
_DESKS = _words("工会 党委 妇委会 团委 办公室 慈善工作站")
_NUMBERS = _words("一百零八度 八一 七彩 三江 五洲 九州 一心 百川 千禾 万家 双百 四方 六合 零点")

_SENDING = _words("对口支援 对口帮扶 东西部协作 定点帮扶 援建 帮扶")
_SENT = _words("前方工作组 前方指挥部 工作队 工作组 联络组 驻村工作队 挂职干部团队")
_ENDINGS = {"home": _HOMES, "team": _TEAMS, "kin": _KIN, "study": _STUDIES, "court": _COURTS}
# A short name that tells nothing of its kind.
_RARE = re.compile("[\u4e00-\u9fff]{2,4}")
# What has a government of its own.
_GOVERNED = "省市州县区旗乡镇"
# The share of single names that lose their unit word.
_BARE = 1 / 8
# How often a name becomes one of those that no rule builds: bare places, and bodies of the kinds that have short names.
_REGION = 1 / 2
_KNOWN = 1 / 6
_SHORT_KINDS = ("company", "association", "medium", "bank")

_LOC_SUFFIX = re.compile("(省|自治区|自治州|自治县|自治旗|地区|市|县|区|州|盟|旗|镇|乡|村|社区|街道|苏木|嘎查)$")
_ORG_KINDS = (
    ("cooperative", re.compile("(合作社|家庭农场)$")),
    ("group", re.compile("(领导小组|领导小组办公室|联席会议办公室|工作组|指挥部|工作队|专班|服务队)$")),
    ("government", re.compile("(人民政府|[省市州区县旗乡镇]政府|街道办事处)$")),
    ("committee", re.compile("([省市州区县旗]委|[乡镇]党委)$")),
    ("party", re.compile("(组织部|宣传部|统战部|政法委|监委)$")),
    ("medium", re.compile("([日晚早晨商时]报|都市报|新闻网|电视台|客户端|融媒体中心)$")),
    ("unit", re.compile("(村委会|居委会|支部|党总支|村民委员会)$")),
    ("bank", re.compile("(支行|分行|联社|信用社)$")),
    ("home", re.compile("(敬老院|福利院|养老院|救助站|托养中心|康复中心|老年公寓)$")),
    ("team", re.compile("(救援队|医疗队|支教团|志愿队|义工队|总队|大队)$")),
    ("kin", re.compile("(同乡会|联谊会|校友会|宗亲会)$")),
    ("study", re.compile("(研究所|研究院|研究会|科学院)$")),
    ("court", re.compile("(法院|检察院)$")),
    ("desk", re.compile("(公司|集团|大学|学院|医院)(工会|党委|团委)$")),
    ("company", re.compile("(公司|集团|厂|银行)$")),
    ("school", re.compile("(学校|中学|小学|幼儿园|学院|大学|一中|二中)$")),
    ("hospital", re.compile("(医院|卫生院|保健院|中医院|卫生室)$")),
    ("association", re.compile("(总会|协会|联合会|促进会|基金会|商会|学会|慈善会|义工联|服务中心)$")),
    ("office", re.compile("(局|厅|委员会|办公室|残联|妇联|总工会|团委|工商联|红十字会|扶贫办|管委会)$")),
)


def _one(random: np.random.Generator, items: tuple[str, ...]) -> str:
    return items[int(random.integers(len(items)))]


def _brand(random: np.random.Generator) -> str:
    if random.random() < 0.12:
        return _one(random, _NUMBERS)
    return "".join(_one(random, _SYLLABLES) for _ in range(2 if random.random() < 0.8 else 3))


def _village(random: np.random.Generator, suffix: str) -> str:
    if random.random() < 0.3:
        return "".join(_one(random, _SOUNDS) for _ in range(2 + int(random.random() < 0.4))) + suffix
    return _one(random, _FIRST) + _one(random, _SECOND) + suffix


def _where(random: np.random.Generator) -> str:
    """The place in front of a body: any level, or a chain of levels down to a village."""
    places = gazetteer()
    province, prefecture, county = places.counties[int(random.integers(len(places.counties)))]
    town = _village(random, _one(random, ("镇", "乡")))
    chains = (
        *(province, prefecture or county, county, county, short(county), province + county, town),
        *(province + prefecture + county, county + town, county + town + _village(random, "村")),
    )
    return _one(random, chains)


def place(old: str, random: np.random.Generator) -> str | None:
    """A place of the kind of ``old``, or None for a kind that is not known.

    Chains stay chains: what ends like a province, prefecture or county becomes one, with as many levels
    in front; a township or village gets a new proper part; a bare name becomes a bare name, of a county or of a
    country, region, mountain or river. One single name in eight becomes a bare one, for models miss those most.
    """
    ending = _LOC_SUFFIX.search(old)
    places = gazetteer()
    province, prefecture, county = places.counties[int(random.integers(len(places.counties)))]
    if ending is None:
        if old[:2] in _bare_provinces() and old[2:] in _bare_names():
            return short(province) + short(county)
        if old not in _bare_names() and not _RARE.fullmatch(old):
            return None
        if random.random() < _REGION:
            return _one(random, known_names.regions())
        return short(_one(random, (province, prefecture or county, county)))
    suffix = ending.group()
    if len(old) <= 5 and random.random() < _BARE:
        if suffix in ("镇", "乡", "村"):
            return _village(random, "")
        return short(_one(random, places.provinces) if suffix in ("省", "自治区") else county)
    if suffix in ("镇", "乡", "村", "社区", "街道", "苏木", "嘎查"):
        proper = _village(random, suffix)
        chain = (province, prefecture, county) if len(old) > 10 else (prefecture, county) if len(old) > 8 else (county,)
        return ("".join(chain) if len(old) > 5 else "") + proper
    if suffix in ("省", "自治区"):
        return _one(random, places.provinces)
    if len(old) >= 9:
        return province + prefecture + county
    if len(old) >= 6:
        return (prefecture or province) + county
    if suffix in ("市", "州", "自治州", "地区", "盟"):
        return places.prefectures[int(random.integers(len(places.prefectures)))][1]
    return county


def body(old: str, random: np.random.Generator) -> str | None:
    """A body of the kind of ``old``, built from place, field and type; None for a kind that is not known.

    Short names of no kind, and some of companies and the like, become short names of real bodies.
    """
    kind = next((name for name, pattern in _ORG_KINDS if pattern.search(old)), None)
    if (kind is None and _RARE.fullmatch(old)) or (kind in _SHORT_KINDS and random.random() < _KNOWN):
        return _one(random, known_names.bodies())
    if kind is None or len(old) < 4:
        return None
    where = _where(random)
    if kind == "company":
        bracket = f"（{short(_one(random, gazetteer().provinces))}）" if random.random() < 0.15 else ""
        lead = "" if bracket or random.random() < 0.4 else short(where)
        return lead + _brand(random) + bracket + _one(random, _INDUSTRIES) + _one(random, _COMPANIES)
    if kind == "cooperative":
        brand = _brand(random) if random.random() < 0.6 else _village(random, "")
        return where + brand + _one(random, _CRAFTS) + _one(random, _COOPERATIVES)
    if kind == "association":
        if random.random() < 0.25:
            return short(where) + _brand(random) + _one(random, _BRANDED)
        return where + _one(random, _FIELDS) + _one(random, _ASSOCIATIONS)
    if kind == "group":
        return _group(where, random)
    if kind == "government":
        return where + _one(random, ("人民政府", "政府")) if _level(where) else None
    if kind == "committee":
        level = _level(where)
        return where + ("党委" if level in "乡镇" else "委") if level else None
    if kind == "party":
        if _level(where) in ("", "乡", "镇"):
            return None
        return _one(random, ("", "中共")) + where + "委" + _one(random, _PARTY)
    if kind == "medium":
        return short(where) + _one(random, _MEDIA)
    if kind == "unit":
        return (where if random.random() < 0.5 else "") + _village(random, "村") + _one(random, _UNITS)
    if kind == "bank":
        return _one(random, _BANKS) + short(where) + _one(random, ("分行", "支行", "分公司", "中心支公司"))
    if kind == "desk":
        return (
            short(where) + _brand(random) + _one(random, _INDUSTRIES) + _one(random, _COMPANIES) + _one(random, _DESKS)
        )
    if kind in _ENDINGS:
        return (where if random.random() < 0.7 else short(where) + _brand(random)) + _one(random, _ENDINGS[kind])
    if kind == "school":
        return where + _one(random, _SCHOOLS)
    if kind == "hospital":
        return where + _one(random, _HOSPITALS)
    # an office without its place in front ('市民政局') stays one
    stays = old[0] in "省市区县州镇" and not old.startswith(_names_like_levels())
    return (old[0] if stays else where) + _one(random, _OFFICES)


def _level(where: str) -> str:
    """The kind of government that a place has, by the last character of its name; '' for none.

    A short name ends as chance has it: 天镇 is a county. A 地区 has an office of the province.
    """
    return "" if where in _bare_names() or where.endswith("地区") or where[-1] not in _GOVERNED else where[-1]


def _group(where: str, random: np.random.Generator) -> str:
    """A body set up for a task: by name of the task, sent by one place to another, or within another body."""
    kind = random.random()
    if kind < 0.4:
        return where + _one(random, _TASKS) + _one(random, _GROUPS)
    task, group = _one(random, _SENDING), _one(random, _SENT)
    if kind < 0.6:
        return where + task + _where(random) + group
    if kind < 0.8:
        return short(where) + "驻" + short(_where(random)) + task + group
    return where + _one(random, _OFFICES) + _one(random, _TASKS) + _one(random, _GROUPS)


def _long_names() -> Iterator[str]:
    places = gazetteer()
    yield from places.provinces
    yield from (name for _, name in places.prefectures)
    yield from (name for *_, name in places.counties)


@cache
def _bare_names() -> frozenset[str]:
    return frozenset(short(name) for name in _long_names() if short(name) != name)


@cache
def _names_like_levels() -> tuple[str, ...]:
    """How names of places begin whose first character is the word for a level: 镇江 is no town."""
    return tuple({short(name) for name in _long_names() if name[0] in "省市区县州镇"})


@cache
def _bare_provinces() -> frozenset[str]:
    return frozenset(short(name) for name in gazetteer().provinces)
