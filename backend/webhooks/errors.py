from __future__ import annotations

from backend.errors import Conflict, NotFound, Refused


class WebhookNotFound(NotFound):
    code = "webhook_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这个回调地址。")


class DeliveryNotFound(NotFound):
    code = "webhook_delivery_not_found"

    def __init__(self) -> None:
        super().__init__("没有找到这次回调。")


class WebhookExists(Conflict):
    code = "webhook_exists"

    def __init__(self) -> None:
        super().__init__("这个回调地址已经登记；要换订阅的事件，请先删除再登记。")


class TooManyWebhooks(Conflict):
    code = "too_many_webhooks"

    def __init__(self, most: int) -> None:
        super().__init__(f"最多登记 {most} 个回调地址，请先删除不用的。", most=most)


class AddressNotAllowed(Refused):
    """The address is not one that the city's server will call; `why` says which rule."""

    code = "webhook_address_not_allowed"

    def __init__(self, why: str) -> None:
        super().__init__(f"这个回调地址不能使用：{why}。请填写互联网上可以访问的 https 地址。")


class EventKindUnknown(Refused):
    code = "webhook_event_unknown"

    def __init__(self, kinds: list[str]) -> None:
        super().__init__(f"没有这样的事件：{'、'.join(kinds)}。", kinds=kinds)
