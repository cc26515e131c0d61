"""Secrets in running text: in the lines of headers, after a word such as `password:`, in an address. They may be letters alone.

The rule: **when in doubt, hide**. What follows the name of a secret is hidden whatever it looks like,

- after `name=`, and where it is quoted, to the end of the value;
- after `Name:` of a header (a name with a hyphen, `Authorization`, `Cookie`) to the end of the line, or of the quotes that it stands in;
  where neither begins with the name, to the next comma, quote, bracket or line's end. Only the scheme stays, `Bearer ***`;
- after any other word and `:` to the next comma, semicolon, quote, bracket, line's end or end of the sentence;
- after `Bearer`, the next word;
- behind the quoted name in a list, `["Authorization", "Bearer x", …]` or `"name": "Authorization", "value": "x"`, what is quoted next.

Unless it explains: a colon after which stands an explaining word (`authorization: denied by marketplace`, `token: expired`) begins a
sentence. In it plain words stay; what has digits, signs or capitals within goes. Time grows with the length of the text alone.
"""

import re
import string
from typing import Final

from shared.contracts.masking.fields import category_of, normal
from shared.contracts.masking.values import HIDDEN
from shared.contracts.text import fold

_EXPLAINING: Final = re.compile(
    # What is wrong with it, by the beginnings of words; English, Portuguese, Spanish.
    "(?:expir|invalid|incorrect|incorret|unexpect|malform|mismatch|absen|ausen|obrigator|obligator|mandator|requir|requer|revok|revog|"
    "denegad|refus|recus|reject|rejeit|rechaz|forbid|unauthori|unsupport|bloque|inacti|inativ|insufficien|exceed|desconhec|desconoc|"
    "permis)[a-z]{0,7}|missing|empty|vazi[ao]|vaci[ao]|necess[a-z]{2,4}|need(?:s|ed)?|den(?:ied|y|ies)|negad[ao]s?|blocked|disabled|found|"
    "fail(?:s|ed|ing|ure)?|fal(?:ha|hou|ta|tou|tando|tante|lo)|errors?|erros?|timeout|unknown|errad[ao]s?|vencid[ao]s?|caduc[ao](?:d[ao])?|"
    "access|acesso|acceso|"
    # What else such a sentence begins with.
    "an?|the|this|that|your?|it|is|are|was|were|be|been|has|had|have|does|did|do|not?|cannot|can|could|must|should|will|would|may|and|or|"
    "of|for|from|in|on|at|by|to|with|without|because|too|wrong|bad|blank|null|none|undefined|true|false|length|format|timed|unable|please|"
    "check|request|response|server|service|connection|network|status|http|marketplace|seller|account|credentials|authentication|validation|tokens?|"
    "os?|as|um|uma|e|ou|de|d[ao]s?|em|n[ao]s?|aos?|por|pel[ao]|para|com|sem|nao|ja|esta|estao|foi|era|deve|precisa|nul[ao]|expected|"
    "venceu|vencio|resposta|conexao|servidor|servico|conta|tempo|informe|verifique|el|l[ao]s?|un|del|al|y|con|sin|es|fue|ha|debe|"
    "solicitud|respuesta|conexion|servicio|cuenta|tiempo"
)
"""Words, folded, with which people begin to say something of a secret; nobody's secret begins with one of them alone."""

_FIRST: Final = re.compile(r"[ \t]{0,8}([^\W\d_]{1,20})(?=[.,:;!?)]{0,3}(?:[\s\"'}\]\\]|$))")
_SCHEME: Final = re.compile(r"(?i)[ \t]{0,8}(?:bearer|basic|digest|negotiate|token|apikey)[ \t]{1,8}(?=\S)")
_HEADER: Final = re.compile(r"(?i)[\w.]*-[\w.\-]*|(?:proxy)?authorization|(?:set)?cookies?")

_NAME_OF_HEADER: Final = re.compile(r"[A-Z][a-z]{0,20}(?:-[A-Z][a-z]{0,20}){1,5}")
_BEARER: Final = re.compile(r"(?i)\b((?:bearer(?:\s{1,4}|%20))+)([\w.~+/=-]+)")
_OF_BEARERS: Final = re.compile(
    "bearer|auth|authori[sz]ation|schemes?|realm|headers?|shall|types?|methods?|flow|grants?|keys?|security|bonds?"
)
"""What else, folded, may follow the word in a sentence about bearer tokens."""

_LISTED: Final = re.compile(
    r"""(?P<open>(?:\[\s{0,40})?)\\{0,7}["'](?P<key>[\w .\-]{1,40})\\{0,7}["']\s{0,4},\s{0,40}"""
    r"""(?P<label>\\{0,7}["'](?:value|content|valor|conteudo)s?\\{0,7}["']\s{0,4}[:=]>?\s{0,4})?"""
)

_FORM: Final = re.compile(r"[^&;,|\"'<>\r\n{}\[\]\\]+")
_LINE: Final = re.compile(r"[^\r\n]+")
_ESCAPED_LINE: Final = re.compile(r"(?:[^\r\n\"\\]|\\[^rn\r\n])+")
_TWICE_ESCAPED_LINE: Final = re.compile(r"(?:[^\r\n\"\\]|\\+(?![\\rn\"]))+")
_APOSTROPHED: Final = re.compile(r"(?:[^\r\n'\\]|\\[^rn\r\n])+")
_HEADER_WITHIN: Final = re.compile(r"[^,|\"'<>\r\n{}\[\]\\]+")
_PHRASE: Final = re.compile(r"(?:[^;,|\"'<>\r\n{}\[\]\\\s.)]|[.)](?!\s|$)|[^\S\r\n])+")
_SENTENCE: Final = re.compile(r"[^&;,|\"'<>\r\n{}\[\]\\:=]+")
_QUOTED: Final = re.compile(r"(?P<q>\\{0,7}[\"'])(?![\s,;:}\])])(?:(?!(?P=q))[^\r\n])+")

_QUOTE: Final = re.compile(r"[\"']")
_WORD: Final = re.compile(r"\S+")
_PLAIN: Final = re.compile(r"[^\W\d_][a-zß-öø-ÿ]{0,19}(?:-[a-zß-öø-ÿ]{1,20})?")
LONGEST_WORD: Final = 40
MARKS_BEFORE: Final = 8
"""So many blanks and marks (`> `, `* `, `- `) may stand between the beginning of a line and a header's name."""

_ADDRESS: Final = re.compile(
    r"(:\\{0,3}/\\{0,3}/)(?:[^\s/?#\"'<>\\]+|[^\s/?#@:\"'<>\\]{0,200}:(?!\d{1,5}[/?#])[^\s@\"'<>\\]{0,200})@(?=[^\s@])"
)
"""What is no port after the colon is a password, whichever signs somebody forgot to write as `%2F`."""


def mask_secret(text: str, key: str, start: int, end: int) -> tuple[str, int] | None:
    """Return what to show of the secret whose `key` begins at `start` and whose value at `end`, and where that ends; None without one."""
    if ":" not in text[start:end]:
        return _hidden(text, end, _FORM)
    if _HEADER.fullmatch(key) is None:
        if explains(text, end):
            return _mask_sentence(text, end)
        told = _hidden(text, end, _PHRASE)
        rest = _mask_sentence(text, told[1]) if told else None
        return (told[0] + rest[0], rest[1]) if told and rest else told
    return _mask_header(text, key, end, _extent_of_header(text, start, end))


def mask_addresses(text: str) -> str:
    """Return `text` without names and passwords in addresses: `https://***@host/path`."""
    return _ADDRESS.sub(rf"\1{HIDDEN}@", text)


def mask_bearer(text: str) -> str:
    """Return `text` without what follows the word Bearer, unless it begins a sentence: `Bearer of bad news`."""
    return _BEARER.sub(_after_bearer, text)


def mask_listed(text: str) -> str:
    """Return `text` without the secrets that stand in a list behind their quoted names."""
    shown: list[str] = []
    done = 0
    for found in _LISTED.finditer(text):
        if found.start() < done or category_of(found["key"]) != "secret":
            continue
        value = _QUOTED.match(text, found.end())
        if value is None or _is_said_of(found, value[0][len(value["q"]) :]):
            continue
        shown += [text[done : value.end("q")], HIDDEN]
        done = value.end()
    return "".join([*shown, text[done:]])


def _is_said_of(listed: re.Match[str], text: str) -> bool:
    """The first of a list is sooner a name with its value than one of several names: there a plain word is a secret, too."""
    if listed["label"]:
        return False
    return _is_name(text) or explains(text, 0) if listed["open"] else is_said(text)


def is_said(text: str) -> bool:
    """Say whether what stands in a list behind the name of a secret is none: a plain word, another name, an explanation."""
    return _PLAIN.fullmatch(text) is not None or _is_name(text) or explains(text, 0)


def _is_name(text: str) -> bool:
    return _NAME_OF_HEADER.fullmatch(text) is not None or category_of(text) is not None


def _after_bearer(found: re.Match[str]) -> str:
    word = fold(found[2][:LONGEST_WORD]).strip(string.punctuation)
    is_sentence = _EXPLAINING.fullmatch(word) or _OF_BEARERS.fullmatch(word)
    return found[0] if is_sentence and len(found[2]) <= LONGEST_WORD else found[1] + HIDDEN


def _mask_header(text: str, key: str, at: int, extent: re.Pattern[str]) -> tuple[str, int] | None:
    if normal(key).endswith("authorization") and (scheme := _SCHEME.match(text, at)):
        told = _hidden(text, scheme.end(), extent)
        return told and (scheme[0] + told[0], told[1])
    # A cookie explains nothing: `Cookie: true; sid=…`.
    if "cookie" not in normal(key) and explains(text, at):
        return _mask_sentence(text, at)
    return _hidden(text, at, extent)


def _hidden(text: str, at: int, extent: re.Pattern[str]) -> tuple[str, int] | None:
    if extent is not _LINE and (quoted := _QUOTED.match(text, at)):
        return quoted["q"] + HIDDEN, quoted.end()
    value = extent.match(text, at)
    return (HIDDEN, value.end()) if value is not None and value[0].strip() else None


def _extent_of_header(text: str, start: int, end: int) -> re.Pattern[str]:
    """Return the pattern of a header's value, by what stands before its name (at `start`) and between name and value (at `end`)."""
    before = text[max(0, start - 2) : start]
    if _QUOTE.search(text, start, end):  # those of the name alone
        return _HEADER_WITHIN
    if before[-1:] in {'"', "\\"}:
        return _TWICE_ESCAPED_LINE if before[0] == "\\" and len(before) > 1 else _ESCAPED_LINE
    if before[-1:] == "'":
        return _APOSTROPHED
    margin = text[max(0, start - MARKS_BEFORE) : start].rstrip(" \t<>*-")
    begins = margin[-1] in "\r\n" if margin else start <= MARKS_BEFORE
    return _LINE if begins else _HEADER_WITHIN


def explains(text: str, at: int) -> bool:
    """Say whether a sentence begins at `at` that tells what is wrong."""
    first = _FIRST.match(text, at)
    return first is not None and is_explaining(first[1])


def is_explaining(word: str) -> bool:
    """Say whether people tell with this word what is wrong."""
    return _EXPLAINING.fullmatch(fold(word)) is not None


def _mask_sentence(text: str, at: int) -> tuple[str, int] | None:
    # It ends before the next `name:`, which may be that of another secret.
    sentence = _SENTENCE.match(text, at)
    return None if sentence is None else (_WORD.sub(_mask_word, sentence[0]), sentence.end())


def _mask_word(word: re.Match[str]) -> str:
    told = word[0].strip(string.punctuation)
    if not told and len(word[0]) <= LONGEST_WORD:
        return word[0]
    is_plain = len(told) <= LONGEST_WORD and (_PLAIN.fullmatch(told) or _EXPLAINING.fullmatch(fold(told)))
    return word[0] if is_plain else HIDDEN
