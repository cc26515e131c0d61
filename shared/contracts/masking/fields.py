"""Which fields hold personal data, told by their names: casing, separators and accents do not matter, `firstName` is `FIRST_NAME`."""

import re
from functools import lru_cache
from typing import Final, Literal

from shared.contracts.text import fold

Category = Literal["name", "document", "email", "phone", "postal", "card", "hidden", "secret"]
"""What a value is, and so how much of it may stay. `hidden` leaves nothing: birth dates, coordinates; nor does `secret`, which may
be letters alone, so that in text no look at it tells it from a word."""

LONGEST_NAME: Final = 80
"""A longer name is no field's name; looking at it would only take time."""

_PERSON: Final = (
    "clientes?|clients?|customers?|buyers?|shoppers?|consumers?|receivers?|recipients?|contacts?|cardholder|holder|payers?|person|users?|"
    "comprador|consumidor|destinatario|titular|pagador|usuario|contato|contacto|pessoa|persona|mother|mae|responsavel"
)
_PLACE: Final = (
    "selected|available|shipping|delivery|billing|invoice|residential|commercial|home|main|destination|"
    "entrega|cobranca|faturamento|envio|destino|residencial|comercial|principal"
)
_AROUND: Final = (
    f"(?:{_PERSON}|{_PLACE}|corporate|company|empresa|business|work|mobile|legal|numbers?|numero|num|do|da|de|del)*"
)


def _named(words: str) -> re.Pattern[str]:
    # Forms have two of a kind: telefone1, telefone2.
    return re.compile(f"{_AROUND}(?:{words}){_AROUND}[0-9]?")


_CATEGORIES: Final[tuple[tuple[Category, re.Pattern[str]], ...]] = (
    (
        "secret",
        re.compile(
            r"(?:proxy)?authorization|\w*token|\w*(?:api|app|secret|private)key|\w*secret|\w*(?:password|passwd|passphrase|pwd)|"
            r"\w*senha|senha\w*|contrasena\w*|\w*cookie\w*|\w*sess(?:ion)?id|credentials?|credencia(?:l|is)"
        ),
    ),
    (
        "hidden",
        re.compile(
            r"cvv|cvc|securitycode|(?:client|remote|user)?ip(?:address)?|geo(?:coordinates?|location)|latitude|longitude|"
            r"birthdate|dateofbirth|birthday|dob|(?:data|dt)(?:de)?nascimento|nascimento|fecha(?:de)?nacimiento"
        ),
    ),
    ("email", re.compile(rf"\w*email\w*|{_AROUND}(?:mail|correio|correo)(?:eletronico|electronico)?")),
    ("card", _named("(?:credit|debit)?card|cartao|tarjeta|pan")),
    (
        "document",
        _named(
            "cpf|cnpj|cpf(?:ou)?cnpj|cnpj(?:ou)?cpf|rg|documents?|documentos?|doc|identidade|cedula|tax(?:payer)?(?:id|identification)|"
            "federal(?:tax)?id|nationalid|passport|passaporte|pasaporte|dni|nif|cuit|cuil|rut|curp|rfc|ssn|vatid|"
            "(?:state|federal)(?:inscription|registration)|inscricao(?:estadual|municipal)"
        ),
    ),
    (
        "phone",
        _named(
            "(?:cell|mobile|tele)?phones?|telefones?|telefonos?|celular|celulares|cellular|whatsapp|fones?|fax|tel|mobile"
        ),
    ),
    ("postal", _named("postalcode|postcode|zip(?:code)?|cep|(?:codigo|cod)postal")),
    (
        "name",
        _named(
            r"(?:first|last|middle|full|given|family|sur|legal|social|corporate|company|trade|nick)names?|sobrenome|apelido|apellidos?|"
            r"(?:primeiro|ultimo|segundo)nome|nome(?:completo|social|fantasia)|nombrecompleto|razaosocial|razonsocial|"
            rf"(?:{_PERSON})(?:name|nome|nombre)|(?:name|nome|nombre)(?:d[aeo]l?)?(?:{_PERSON})|"
            r"street(?:name|address|number)?|address(?:line|complement)?\d?|logradouro|rua|calle|avenida|enderecos?|direccion|domicilio|"
            r"bairro|barrio|colonia|neighbou?rhood|complement(?:o|address)?|"
            r"x(?:nome|fant|lgr|cpl|bairro)"  # of the invoice's XML (NF-e), which travels within payloads
        ),
    ),
)

_ABOUT_A_PERSON: Final = re.compile(
    f"(?:{_PERSON}|{_PLACE})*(?:{_PERSON}|profile|address(?:es)?|enderecos?|direcci?on(?:es)?|domicilio|identification|personal)"
    f"(?:{_PERSON}|{_PLACE}|profile|info|information|data|dados|datos|details|list|pessoais)*"
)
_IMPERSONAL: Final = re.compile(
    r"\w*id|\w*type|tipo\w*|\w*tracking\w*|\w*rastre\w*|\w*status|is\w+|has\w+|\w*sku\w*|\w*ean|\w*orders?\w*|\w*pedidos?\w*|\w*date|\w*at|"
    r"state|uf|estado|province|provincia|city|cidade|ciudad|municipio|country\w*|pais|locale|language|idioma|currency|moeda"
)
_LETTERS: Final = re.compile(r"[^a-z0-9]+")


def category_of(name: str) -> Category | None:
    """Return what a field of that name holds, None when nothing personal by its name alone."""
    return None if len(name) > LONGEST_NAME else _category_of(name)


def category_by_label(name: str) -> Category | None:
    """Return what a value is that stands beside that name: {"name": "buyer", "value": …} holds a person's name."""
    return category_of(name) or ("name" if is_about_a_person(name) else None)


def is_about_a_person(name: str) -> bool:
    """Say whether what stands below a field of that name describes a person: there even `name` and `number` are personal."""
    return len(name) <= LONGEST_NAME and _is_about_a_person(name)


def is_impersonal(name: str) -> bool:
    """Say whether a field keeps its value even where a person is described: ids, kinds, city, state, country."""
    return _IMPERSONAL.fullmatch(normal(name)) is not None


def normal(name: str) -> str:
    """Return a field's name in lower-case letters and digits alone; "" for one too long to be a name."""
    return _LETTERS.sub("", fold(name)) if len(name) <= LONGEST_NAME else ""


@lru_cache(4096)
def _category_of(name: str) -> Category | None:
    known = normal(name)
    return next((category for category, pattern in _CATEGORIES if pattern.fullmatch(known)), None)


@lru_cache(4096)
def _is_about_a_person(name: str) -> bool:
    return _ABOUT_A_PERSON.fullmatch(normal(name)) is not None
