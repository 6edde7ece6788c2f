"""Reading the file that says what the items are: MovieLens's three layouts, Last.fm's and RecBole's `.item`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recbench.data.catalog import Catalog
from recbench.data.readers.columns import ALIASES, plain
from recbench.data.readers.tables import first_line, parse, read_text, split_line
from recbench.errors import DataError

GENRES_100K = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
"""The meaning of the last 19 columns of MovieLens 100K's `u.item`, from its `u.genre`."""

TITLES = ("movietitle", "title", "name", "itemname")
GENRES = ("genres", "genre", "class", "categories", "category")
YEARS = ("releaseyear", "year")


@dataclass(frozen=True)
class ItemTable:
    """A catalogue as the file lists it: entry `k` of `catalog` is of the item with the raw id `ids[k]`."""

    ids: tuple[str, ...]
    catalog: Catalog


def read_movielens_100k(path: Path) -> ItemTable:
    """`u.item`: `id|title|release|video|url|` and 19 flags, Latin-1."""
    names = ["id", "title", "release", "video", "url", *GENRES_100K]
    table = parse(read_text(path), path, names, "|", encoding="latin-1")
    flags = np.stack([table.column(genre).to_numpy() == "1" for genre in GENRES_100K], axis=1)
    genres = tuple(tuple(np.array(GENRES_100K)[row].tolist()) for row in flags)
    return _table(table["id"].to_pylist(), table["title"].to_pylist(), genres)


def read_movielens_1m(path: Path) -> ItemTable:
    """`movies.dat`: `id::title::genre|genre`, Latin-1."""
    table = parse(read_text(path), path, ["id", "title", "genres"], "::", encoding="latin-1")
    return _table(table["id"].to_pylist(), table["title"].to_pylist(), _split(table["genres"].to_pylist(), "|"))


def read_movielens_csv(path: Path) -> ItemTable:
    """`movies.csv` of MovieLens 20M, 25M and latest: `movieId,title,genres`, UTF-8."""
    table = parse(read_text(path), path, ["id", "title", "genres"], ",", header=True)
    return _table(table["id"].to_pylist(), table["title"].to_pylist(), _split(table["genres"].to_pylist(), "|"))


def read_lastfm(path: Path) -> ItemTable:
    """`artists.dat` of Last.fm 2K: `id name url pictureURL`, tab separated, with a header; artists have no genre.

    Raises:
        DataError: not that header.
    """
    text = read_text(path)
    fields = split_line(first_line(text), "\t")
    if fields[:2] != ["id", "name"]:
        raise DataError(f"{path} begins with {', '.join(fields[:4])}; expected id, name: take the published file")
    table = parse(text, path, fields, "\t", header=True, keep=("id", "name"))
    return _table(table["id"].to_pylist(), table["name"].to_pylist(), ())


def read_recbole(path: Path) -> ItemTable:
    """RecBole's `.item`: tab separated, a typed header, sequences separated by blanks.

    RecBole cuts the last parenthesis, mostly the year, off MovieLens's titles; it is put back, so that a
    data set has the same titles whoever carries it.

    Raises:
        DataError: no item column.
    """
    text = read_text(path)
    fields = split_line(first_line(text), "\t")
    known = [plain(field) for field in fields]
    table = parse(text, path, known, "\t", header=True)

    def column(aliases: tuple[str, ...]) -> list[str]:
        name = next((alias for alias in aliases if alias in known), None)
        return [] if name is None else table.column(name).to_pylist()

    ids, titles, years = column(ALIASES["item"]), column(TITLES), column(YEARS)
    if not ids:
        raise DataError(f"{path} has no item column; found: {', '.join(fields)}")
    if titles and years:
        dated = zip(titles, years, strict=True)
        titles = [f"{title} ({year})" if year else title for title, year in dated]
    return _table(ids, titles, _split(column(GENRES), " "))


def _split(texts: list[str], separator: str) -> tuple[tuple[str, ...], ...]:
    """Genres of every item; MovieLens writes `(no genres listed)` for none."""
    return tuple(() if text.startswith("(no genres") else tuple(filter(None, text.split(separator))) for text in texts)


def _table(ids: list[str], titles: list[str], genres: tuple[tuple[str, ...], ...]) -> ItemTable:
    # Some titles of u.item end in a blank, some hold two in a row.
    cleaned = tuple(re.sub(r"\s+", " ", title).strip() for title in titles)
    return ItemTable(tuple(ids), Catalog(titles=cleaned, genres=genres))
