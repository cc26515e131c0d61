"""Orders as marketplaces number them, with invented customers: no name, document, phone or address is anybody's."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final

from deploy.demo.chance import dice
from deploy.demo.shop import Sku, catalogue

FIRST_NAMES: Final = (
    "Aurora",
    "Benício",
    "Celina",
    "Davi",
    "Elisa",
    "Fausto",
    "Guida",
    "Heitor",
    "Iara",
    "Jacó",
    "Lívia",
    "Noel",
)
SURNAMES: Final = (
    "Pedrabranca",
    "Riolargo",
    "Campoflor",
    "Vilanorte",
    "Montesol",
    "Lagoaverde",
    "Ventoforte",
    "Serraclara",
)
CITIES: Final = (
    ("São Paulo", "SP", "01000-000"),
    ("Rio de Janeiro", "RJ", "20000-000"),
    ("Belo Horizonte", "MG", "30000-000"),
    ("Curitiba", "PR", "80000-000"),
    ("Recife", "PE", "50000-000"),
    ("Porto Alegre", "RS", "90000-000"),
    ("Salvador", "BA", "40000-000"),
    ("Goiânia", "GO", "74000-000"),
)
STREETS: Final = (
    "Rua das Amoreiras Azuis",
    "Avenida do Vento Manso",
    "Travessa da Lua Cheia",
    "Alameda dos Ipês de Papel",
)
COURIERS: Final = ("Expresso Andorinha Azul", "Rota Leve Entregas", "Transportadora Boa Légua")
MERCADO_LIVRE: Final = frozenset({"MLC", "MLP"})

INVENTED_CPFS = 90
"""Documents stay within 000.000.0nn: right check digits, never given to a person."""


@dataclass(frozen=True, slots=True)
class Customer:
    """Who buys."""

    first_name: str
    surname: str
    document: str
    email: str
    phone: str
    street: str
    number: str
    city: str
    state: str
    postal_code: str


@dataclass(frozen=True, slots=True)
class Line:
    """A SKU in an order; the price of one in cents."""

    sku: Sku
    quantity: int
    cents: int


@dataclass(frozen=True, slots=True)
class Order:
    """An order. `code` is what the log shows: in Mercado Livre the shipment's id, elsewhere the marketplace's order id."""

    number: int
    affiliate: str
    code: str
    marketplace_order_id: str
    lines: tuple[Line, ...]
    freight_cents: int
    courier: str
    customer: Customer

    @property
    def total_cents(self) -> int:
        """What the customer pays."""
        return self.freight_cents + sum(line.quantity * line.cents for line in self.lines)

    @property
    def aliases(self) -> dict[str, str]:
        """The other ids under which a person may search the order."""
        known = {"vtex_order_id": f"{self.affiliate}-{self.code}", "marketplace_order_id": self.marketplace_order_id}
        return known | ({"shipment_id": self.code} if self.affiliate in MERCADO_LIVRE else {})


def make_order(number: int, affiliate: str) -> Order:
    """Return the order of that number: always the same one."""
    thrown = dice("order", affiliate, number)
    unique = number * 37 + thrown.randrange(37)
    marketplace_order_id = _MARKETPLACE_IDS[affiliate](unique, thrown)
    return Order(
        number=number,
        affiliate=affiliate,
        code=str(43_000_000_000 + unique) if affiliate in MERCADO_LIVRE else marketplace_order_id,
        marketplace_order_id=marketplace_order_id,
        lines=tuple(_line(sku, thrown) for sku in thrown.sample(catalogue(), thrown.choice((1, 1, 1, 2, 3)))),
        freight_cents=thrown.choice((0, 0, 990, 1490, 1990, 2790)),
        courier=thrown.choice(COURIERS),
        customer=_customer(thrown),
    )


def cpf(number: int) -> str:
    """Return a document with right check digits: 1 → 000.000.001-91."""
    digits = [int(digit) for digit in f"{number:09d}"]
    for length in (10, 11):
        remainder = sum(digit * weight for digit, weight in zip(digits, range(length, 1, -1), strict=True)) * 10 % 11
        digits.append(remainder % 10)
    text = "".join(map(str, digits))
    return f"{text[:3]}.{text[3:6]}.{text[6:9]}-{text[9:]}"


def _line(sku: Sku, thrown: Random) -> Line:
    return Line(sku, thrown.choice((1, 1, 1, 1, 2, 3)), sku.cents * thrown.choice((100, 100, 95, 90, 85)) // 100)


def _customer(thrown: Random) -> Customer:
    number = thrown.randrange(1, INVENTED_CPFS)
    city, state, postal_code = thrown.choice(CITIES)
    return Customer(
        first_name=thrown.choice(FIRST_NAMES),
        surname=thrown.choice(SURNAMES),
        document=cpf(number),
        email=f"cliente{number:02d}@example.com",
        phone=f"+55 00 0000-00{number:02d}",
        street=thrown.choice(STREETS),
        number=str(thrown.randrange(1, 900)),
        city=city,
        state=state,
        postal_code=postal_code,
    )


def _shopee(unique: int, thrown: Random) -> str:
    return f"26{thrown.randrange(1, 13):02d}{thrown.randrange(1, 29):02d}{unique:08X}"


_MARKETPLACE_IDS: Final[dict[str, Callable[[int, Random], str]]] = {
    "MLC": lambda unique, _: str(2_000_000_000_000_000 + unique),
    "MLP": lambda unique, _: str(2_000_001_000_000_000 + unique),
    "MSM": lambda unique, _: f"701-{unique // 10_000_000:07d}-{unique % 10_000_000:07d}",
    "MGZ": lambda unique, _: f"LU-{unique:012d}",
    "SHP": _shopee,
    "BTW": lambda unique, _: f"Lojas Americanas-{26_000_000_000 + unique}",
    "CNT": lambda unique, _: f"CT{unique:010d}",
    "NTS": lambda unique, _: str(700_000_000 + unique),
    "CRF": lambda unique, _: f"{unique:011d}-A",
    "DFT": lambda unique, _: str(900_000_000 + unique),
    "CSB": lambda unique, _: str(300_000_000 + unique),
}
