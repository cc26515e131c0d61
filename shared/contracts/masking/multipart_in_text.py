"""Bodies of forms in parts (`multipart/form-data`), raw or escaped in a string: `…; name="email"`, an empty line, the value."""

import re
from typing import Final

from shared.contracts.masking.content import mask_described
from shared.contracts.masking.fields import category_by_label
from shared.contracts.masking.people_in_text import is_path_of_a_person
from shared.contracts.masking.values import mask_value

_ESCAPED_END: Final = r"\\{1,7}(?:r\\{1,7})?n"
_END: Final = rf"(?:\r?\n|{_ESCAPED_END})"
_PART: Final = re.compile(
    r"""(?i)(form-data;[^\r\n"'\\]{0,80}\bname=(?P<q>\\{0,7}["'])(?P<key>[^\r\n"'\\]{1,80})(?P=q)[^\r\n\\]{0,200}"""
    rf"(?:{_END}[\w\-]{{1,40}}:[^\r\n\\]{{0,200}}){{0,4}}(?:(?P<raw>\r?\n)\r?\n|(?:{_ESCAPED_END}){{2}}))"
    rf"""(?P<text>(?(raw)(?s:(?!\r?\n--).)|(?!{_ESCAPED_END}--|\\{{0,7}}").){{1,4000}})"""
)


def mask_multipart(text: str) -> str:
    """Return `text` without the values of parts whose names say that they are personal."""
    return _PART.sub(_part, text)


def _part(found: re.Match[str]) -> str:
    key, value = found["key"], found["text"]
    if category := category_by_label(key):
        return found[1] + mask_value(category, value)
    path, _, name = key.rstrip("]").replace("[", ".").rpartition(".")
    return found[1] + mask_described(name, value) if is_path_of_a_person(path) else found[0]
