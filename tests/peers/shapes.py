# SPDX-License-Identifier: MIT
"""Checks of JSON bodies that the stand-ins share: each takes a value and where it stands, and raises
Invalid with a text that names the place.
"""


class Invalid(Exception):
    """The body is not what the service takes; the text names the member."""


def boolean(value, where):
    if not isinstance(value, bool):
        raise Invalid(f"{where} must be true or false")


def array(item):
    def check(value, where):
        if not isinstance(value, list):
            raise Invalid(f"{where} must be an array")
        for index, inner in enumerate(value):
            item(inner, f"{where}[{index}]")
    return check


def unique_members(pairs):
    """For json.loads: a member that is given twice is no JSON object here."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a member is given twice")
    return dict(pairs)
