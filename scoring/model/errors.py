"""What can go wrong while a model is learned or read, said so that the person at the keyboard can act."""

from collections.abc import Iterable


class ModelError(Exception):
    """A refusal of the model component; its text is shown to the user as it stands."""


class TableRefused(ModelError):
    """The labelled table cannot be learned from."""


class DirectionsRefused(ModelError):
    """The declared directions cannot be understood or do not fit the table."""


class DirectionBroken(ModelError):
    """A learned model moves against a declared direction; such a model is never handed out."""

    def __init__(self, columns: Iterable[str]) -> None:
        self.columns = sorted(set(columns))
        super().__init__(f"学到的模型违反了声明的方向：{'、'.join(self.columns)}。模型未保存。")


class ShapeRefused(ModelError):
    """This use is not open to this shape of model (persons are scored by the additive shape alone)."""


class ModelFileRefused(ModelError):
    """The model file is not one of ours, was altered, or has a newer format."""


class FrameRefused(ModelError):
    """A training frame cannot be built without looking into the future."""


class PartMissing(ModelError):
    """Learning needs the optional packages of the `model` extra."""

    def __init__(self, package: str) -> None:
        way = "pip install 'osmanthus[model]'；单独使用评分库的，pip install './scoring[model]'"
        super().__init__(f"缺少 {package}：学习与评估模型需要安装可选部分，例如 {way}。")
