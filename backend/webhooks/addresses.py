"""Which addresses this server may call: the public internet over https, never its own network.

A name is resolved anew for each attempt, every address it has is looked at, and the connection goes to the address
that was looked at, so that a name cannot be pointed at the inside in between.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

from backend.webhooks.errors import AddressNotAllowed

LONGEST_URL = 500


@dataclass(frozen=True)
class Target:
    """Where to connect for a URL; the name still goes into the Host header and the certificate check."""

    url: str
    host: str
    port: int
    address: str


def check_url(url: str, *, allow_local: bool) -> tuple[str, int]:
    """Host and port. `allow_local` is for a city on one's own machine: there http and inner addresses are all
    there is.

    Raises AddressNotAllowed.
    """
    if len(url) > LONGEST_URL:
        raise AddressNotAllowed(f"超过 {LONGEST_URL} 个字符")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressNotAllowed("不是完整的网址") from None
    if parts.scheme not in ({"https", "http"} if allow_local else {"https"}):
        raise AddressNotAllowed("不是 https 地址")
    if not parts.hostname or parts.username is not None or parts.password is not None or parts.fragment:
        raise AddressNotAllowed("网址里不能有用户名、密码或 # 部分，且须有主机名")
    return parts.hostname, port or (443 if parts.scheme == "https" else 80)


def resolve(url: str, *, allow_local: bool) -> Target:
    """Raises AddressNotAllowed, also for a name that cannot be resolved."""
    host, port = check_url(url, allow_local=allow_local)
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        raise AddressNotAllowed("主机名解析不到地址") from None
    if not allow_local and not all(_is_public(address) for address in found):
        raise AddressNotAllowed("主机名指向内部网络")
    return Target(url=url, host=host, port=port, address=sorted(found)[0])


def _is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address.split("%")[0])
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast
