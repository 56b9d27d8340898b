"""What an address on the web looks like, and what a copy of the text behind it is called.

It does not know whether anything is there.
"""

import hashlib
import re
from typing import Final

_READABLE: Final = 40  # characters of an address that the name of a copy shows


def is_address(name: str) -> bool:
    """Whether `name` is an http(s) address, and so neither a file nor the name of a text."""
    return name.lower().startswith(("http://", "https://"))


def copy_name(address: str) -> str:
    """A file's name for the text behind `address`: its own for each, safe everywhere, and readable."""
    place = re.split("[?#]", address)[0].rstrip("/").rpartition("/")[2]
    readable = re.sub("[^A-Za-z0-9]+", "-", place.removesuffix(".txt"))[:_READABLE].strip("-")
    own = hashlib.sha256(address.encode(errors="replace")).hexdigest()[:12]
    return f"{readable}-{own}.txt".lstrip("-")
