"""What the shop sells and where: about 400 invented SKUs, eleven affiliates. Brands and codes belong to nobody."""

from dataclasses import dataclass
from functools import cache
from typing import Final

from deploy.demo.chance import dice


@dataclass(frozen=True, slots=True)
class Affiliate:
    """A connection to a marketplace. `share` is its part of the orders; `binary` connectors speak CloudEvents' binary mode."""

    id: str
    marketplace: str
    connector: str
    share: int
    binary: bool = False


AFFILIATES: Final[tuple[Affiliate, ...]] = (
    Affiliate("MLC", "Mercado Livre Classic", "mercado-livre", 22),
    Affiliate("MLP", "Mercado Livre Premium", "mercado-livre", 14),
    Affiliate("MSM", "Amazon", "amazon", 14),
    Affiliate("MGZ", "Magazine Luiza", "magazine-luiza", 13, binary=True),
    Affiliate("SHP", "Shopee", "shopee", 13),
    Affiliate("BTW", "Americanas", "americanas", 7),
    Affiliate("CNT", "Centauro", "centauro", 5, binary=True),
    Affiliate("NTS", "Netshoes", "netshoes", 5),
    Affiliate("CRF", "Carrefour", "carrefour", 3),
    Affiliate("DFT", "Dafiti", "dafiti", 2),
    Affiliate("CSB", "Casas Bahia", "via", 2, binary=True),
)
BY_ID: Final = {affiliate.id: affiliate for affiliate in AFFILIATES}
SHARES: Final[dict[str, float]] = {affiliate.id: affiliate.share for affiliate in AFFILIATES}


@dataclass(frozen=True, slots=True)
class Family:
    """A product line. Prices in cents, weight in grams, box in centimetres; `no_ean` lines carry no barcode."""

    name: str
    brand: str
    categories: tuple[str, str]
    cents: int
    grams: int
    box: tuple[int, int, int]
    colours: tuple[str, ...] = ("Único",)
    sizes: tuple[str, ...] = ("Único",)
    no_ean: bool = False
    is_kit: bool = False


@dataclass(frozen=True, slots=True)
class Sku:
    """One thing on the shelf."""

    id: str
    product_id: int
    family: Family
    colour: str
    size: str
    ean: str | None
    ref_id: str
    cents: int

    @property
    def product(self) -> str:
        """The product's name, without colour and size."""
        return f"{self.family.name} {self.family.brand}"

    @property
    def variant(self) -> str:
        """Colour and size, as far as there are any."""
        return " ".join(part for part in (self.colour, self.size) if part != "Único") or "Único"

    @property
    def name(self) -> str:
        """The whole name."""
        return self.product if self.variant == "Único" else f"{self.product} {self.variant}"


LETTERS: Final = ("P", "M", "G", "GG")
FEET: Final = ("36", "37", "38", "39", "40", "41", "42")
CLOTHES: Final = ("Moda", "Roupas")
SHOES: Final = ("Moda", "Calçados")
HOME: Final = ("Casa", "Cozinha")
DECOR: Final = ("Casa", "Decoração")
SPORT: Final = ("Esporte e Lazer", "Fitness")
TECH: Final = ("Eletrônicos", "Acessórios")

FAMILIES: Final[tuple[Family, ...]] = (
    Family("Camiseta Básica Algodão Penteado", "Orvalho Norte", CLOTHES, 5990, 180, (3, 24, 30), ("Branco", "Preto", "Azul-marinho", "Verde-musgo"), LETTERS),
    Family("Camisa de Linho Manga Longa", "Orvalho Norte", CLOTHES, 18990, 260, (4, 26, 32), ("Cru", "Areia", "Azul-claro"), LETTERS),
    Family("Vestido Midi Estampado", "Ateliê Bruma", CLOTHES, 21990, 320, (4, 26, 34), ("Floral Rosa", "Floral Azul", "Poá Preto"), LETTERS),
    Family("Calça Jogger Moletom", "Trilhavia", CLOTHES, 14990, 480, (6, 28, 36), ("Preto", "Mescla", "Verde-militar"), LETTERS),
    Family("Jaqueta Corta-Vento", "Trilhavia", CLOTHES, 24990, 390, (6, 28, 36), ("Preto", "Laranja", "Azul-petróleo"), LETTERS),
    Family("Camiseta Dry Performance", "Muvora", CLOTHES, 7990, 150, (3, 24, 30), ("Preto", "Azul-royal", "Verde-limão", "Cinza"), LETTERS),
    Family("Legging Cintura Alta", "Muvora", CLOTHES, 12990, 240, (4, 24, 30), ("Preto", "Vinho", "Marinho"), LETTERS),
    Family("Blusa de Tricô Gola Alta", "Ateliê Bruma", CLOTHES, 15990, 350, (5, 26, 32), ("Cru", "Mostarda", "Vinho"), LETTERS),
    Family("Calça Jeans Reta", "Pedra Fiel", CLOTHES, 17990, 640, (6, 28, 36), ("Azul-escuro", "Azul-claro", "Preto"), ("36", "38", "40", "42", "44", "46")),
    Family("Pijama Longo Algodão", "Orvalho Norte", CLOTHES, 13990, 420, (6, 26, 32), ("Listrado Azul", "Xadrez Vermelho"), LETTERS),
    Family("Bermuda Sarja", "Pedra Fiel", CLOTHES, 11990, 340, (5, 26, 32), ("Bege", "Caqui", "Chumbo"), ("38", "40", "42", "44", "46")),
    Family("Tênis de Corrida Impulso 2", "Trilhavia", SHOES, 32990, 820, (13, 22, 34), ("Preto", "Azul", "Coral"), FEET),
    Family("Tênis Casual Couro", "Pedra Fiel", SHOES, 27990, 900, (13, 22, 34), ("Branco", "Marrom"), FEET),
    Family("Sandália Rasteira", "Ateliê Bruma", SHOES, 8990, 310, (10, 18, 28), ("Caramelo", "Preto", "Dourado"), ("34", "35", "36", "37", "38", "39")),
    Family("Sapatilha Bico Redondo", "Ateliê Bruma", SHOES, 11990, 290, (10, 18, 28), ("Preto", "Nude", "Vermelho"), ("34", "35", "36", "37", "38", "39")),
    Family("Chinelo Slide", "Trilhavia", SHOES, 6990, 380, (11, 20, 30), ("Preto", "Branco"), FEET),
    Family("Bota Adventure Impermeável", "Trilhavia", SHOES, 45990, 1250, (14, 26, 36), ("Café", "Preto"), FEET),
    Family("Garrafa Térmica Inox", "Nimbora", HOME, 9990, 420, (28, 9, 9), ("Preto", "Branco", "Azul", "Rosa", "Verde"), ("350 ml", "500 ml", "750 ml", "1 L"), no_ean=True),
    Family("Jogo de Panelas Antiaderente 5 Peças", "Brasaviva", HOME, 39990, 4800, (28, 34, 48), ("Vermelho", "Cinza", "Preto")),
    Family("Frigideira Cerâmica", "Brasaviva", HOME, 12990, 950, (9, 28, 46), ("Grafite", "Creme"), ("20 cm", "24 cm", "28 cm")),
    Family("Conjunto de Potes Herméticos Vidro", "Casa Tucumã Azul", HOME, 15990, 3100, (18, 28, 32), sizes=("3 peças", "5 peças", "10 peças")),
    Family("Cafeteira Italiana", "Brasaviva", HOME, 13990, 760, (20, 12, 18), ("Alumínio", "Preto"), ("3 xícaras", "6 xícaras", "9 xícaras")),
    Family("Kit Churrasco Inox", "Brasaviva", HOME, 19990, 1600, (8, 22, 44), sizes=("5 peças", "12 peças"), is_kit=True),
    Family("Jogo de Cama 200 Fios", "Casa Tucumã Azul", DECOR, 17990, 1900, (10, 28, 36), ("Branco", "Cinza", "Azul-serenidade"), ("Solteiro", "Casal", "Queen", "King")),
    Family("Toalha de Banho Gigante", "Casa Tucumã Azul", DECOR, 6990, 620, (8, 24, 32), ("Branco", "Areia", "Terracota", "Verde-sálvia", "Chumbo")),
    Family("Luminária de Mesa Articulada", "Lumiara", DECOR, 18990, 1350, (14, 22, 42), ("Preto", "Branco", "Cobre")),
    Family("Vaso de Cerâmica Artesanal", "Lumiara", DECOR, 7990, 1400, (24, 18, 18), ("Terracota", "Azul-anil", "Branco"), ("P", "M", "G")),
    Family("Tapete Sala Tramado", "Casa Tucumã Azul", DECOR, 34990, 5200, (22, 22, 150), ("Cru", "Cinza"), ("1,40 x 2,00 m", "2,00 x 2,50 m")),
    Family("Halter Emborrachado", "Muvora", SPORT, 8990, 2000, (12, 12, 22), sizes=("1 kg", "2 kg", "3 kg", "5 kg", "8 kg", "10 kg")),
    Family("Tapete de Yoga Antiderrapante", "Muvora", SPORT, 12990, 1100, (12, 12, 64), ("Roxo", "Verde", "Cinza", "Rosa")),
    Family("Kit Faixas Elásticas", "Muvora", SPORT, 6990, 300, (4, 14, 20), sizes=("3 peças", "5 peças"), is_kit=True),
    Family("Mochila Esportiva 28 L", "Trilhavia", SPORT, 19990, 780, (16, 32, 48), ("Preto", "Cinza", "Azul", "Vinho")),
    Family("Fone de Ouvido Bluetooth Faíscor One", "Faíscor", TECH, 24990, 210, (6, 14, 18), ("Preto", "Branco", "Azul")),
    Family("Carregador Turbo USB-C", "Faíscor", TECH, 9990, 140, (5, 9, 12), ("Branco", "Preto"), ("20 W", "35 W", "65 W")),
    Family("Caixa de Som Portátil", "Faíscor", TECH, 29990, 680, (12, 12, 24), ("Preto", "Azul", "Vermelho")),
    Family("Capa para Notebook Neoprene", "Nimbora", TECH, 7990, 230, (3, 28, 40), ("Preto", "Cinza", "Bordô"), ('13"', '14"', '15,6"')),
    Family("Meia Esportiva Cano Médio", "Muvora", SPORT, 3990, 60, (2, 12, 20), ("Branco", "Preto", "Cinza", "Colorido"), ("34 a 38", "39 a 43", "44 a 47")),
    Family("Boné Aba Curva", "Trilhavia", CLOTHES, 7990, 110, (12, 18, 28), ("Preto", "Bege", "Azul", "Vinho", "Verde")),
    Family("Cinto de Couro", "Pedra Fiel", CLOTHES, 8990, 240, (4, 14, 14), ("Preto", "Marrom"), ("85", "95", "105", "115")),
    Family("Jogo Americano Linho", "Casa Tucumã Azul", DECOR, 9990, 380, (3, 34, 46), ("Cru", "Verde", "Terracota"), ("4 lugares", "6 lugares")),
    Family("Caneca de Cerâmica 300 ml", "Lumiara", HOME, 4990, 360, (11, 11, 14), ("Branco", "Preto", "Azul-anil", "Mostarda", "Rosa", "Verde")),
    Family("Relógio Inteligente Faíscor Pulse", "Faíscor", TECH, 39990, 180, (7, 10, 12), ("Preto", "Rosé", "Prata")),
)  # fmt: skip


@cache
def catalogue() -> tuple[Sku, ...]:
    """Return all SKUs of the shop, always the same ones."""
    skus: list[Sku] = []
    for position, family in enumerate(FAMILIES):
        for colour in family.colours:
            for size in family.sizes:
                skus.append(_sku(31001 + len(skus), 7001 + position, family, colour, size))
    return tuple(skus)


@cache
def sku_by_id() -> dict[str, Sku]:
    """Return the SKUs by their id."""
    return {sku.id: sku for sku in catalogue()}


def _sku(number: int, product_id: int, family: Family, colour: str, size: str) -> Sku:
    initials = "".join(word[0] for word in family.brand.split()).upper()
    return Sku(
        id=str(number),
        product_id=product_id,
        family=family,
        colour=colour,
        size=size,
        ean=None if family.no_ean else ean13(number),
        ref_id=f"{initials}-{product_id}-{number % 1000:03d}",
        cents=family.cents + family.cents // 10_000 * 500 * dice("price", number).randrange(4),
    )


def ean13(number: int) -> str:
    """Return a barcode of the range that shops keep for themselves (20…29): right check digit, nobody's product."""
    body = f"20{number:010d}"
    odd, even = sum(map(int, body[::2])), sum(map(int, body[1::2]))
    return f"{body}{-(odd + 3 * even) % 10}"
