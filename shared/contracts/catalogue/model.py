"""The shape of one row of the error catalogue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from shared.contracts.commands import Language
from shared.contracts.names import Kind

RetryAdvice = Literal["auto", "fix", "never"]
"""auto: the same thing may work later. fix: reprocess after a person acted. never: reprocessing cannot help."""

RETRY_ADVICE: Final[tuple[RetryAdvice, ...]] = get_args(RetryAdvice)
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)

Words = tuple[str, str]
"""(title of at most 60 characters, guidance of one to three sentences), in one language."""

ORDER: Final[tuple[Kind, ...]] = ("order",)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCode:
    """One kind of failure: what it is called, what to do about it, and by which texts it is known.

    `examples` are messages as marketplaces write them, misspelt ones included. `patterns` are variable-free fragments of such
    messages; ` * ` stands for what varies between two of them. `article` is a help-center slug, or a known issue's number.
    `automatic_retries` caps the retries of an `auto` code; None leaves it to the reprocessor.
    """

    code: str
    kinds: tuple[Kind, ...]
    retry: RetryAdvice
    titles: Mapping[Language, str]
    guidance: Mapping[Language, str]
    vtex_codes: tuple[str, ...] = ()
    article: str | None = None
    examples: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    automatic_retries: int | None = None

    def title(self, language: Language) -> str:
        """Return the short name of the failure."""
        return self.titles[language]

    def guide(self, language: Language) -> str:
        """Return what a person should do about it."""
        return self.guidance[language]


def error(
    code: str,
    kinds: tuple[Kind, ...],
    retry: RetryAdvice,
    *,
    pt: Words,
    en: Words,
    es: Words,
    vtex: tuple[str, ...] = (),
    article: str | None = None,
    examples: tuple[str, ...] = (),
    patterns: tuple[str, ...] = (),
    automatic_retries: int | None = None,
) -> ErrorCode:
    """Return a row, written one line a language."""
    return ErrorCode(
        code=code,
        kinds=kinds,
        retry=retry,
        titles={"pt": pt[0], "en": en[0], "es": es[0]},
        guidance={"pt": pt[1], "en": en[1], "es": es[1]},
        vtex_codes=vtex,
        article=article,
        examples=examples,
        patterns=patterns,
        automatic_retries=automatic_retries,
    )
