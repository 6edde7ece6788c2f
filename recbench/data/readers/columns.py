"""Which column of a table is the user, the item, the rating, the timestamp."""

from __future__ import annotations

from collections.abc import Sequence

from recbench.errors import DataError

ALIASES: dict[str, tuple[str, ...]] = {
    "user": ("userid", "user", "uid", "reviewerid", "visitorid", "customerid"),
    "item": (
        *("itemid", "item", "iid", "movieid", "movie", "productid", "product", "parentasin", "asin"),
        *("bookid", "artistid", "trackid", "songid", "gameid", "businessid"),
    ),
    "rating": ("rating", "ratings", "score", "stars", "overall"),
    "timestamp": ("timestamp", "time", "unixreviewtime", "datetime", "date"),
}
"""Names of each role, most specific first, as `plain` writes them."""


def plain(name: str) -> str:
    """A column name without case, separators and RecBole's type: `user_id:token` and `userId` become `userid`."""
    return name.split(":")[0].strip().lower().replace("_", "").replace("-", "").replace(" ", "")


def known_roles(names: Sequence[str]) -> dict[str, int]:
    """The position of the column of each role that has one."""
    known = [plain(name) for name in names]
    return {
        role: known.index(next(alias for alias in aliases if alias in known))
        for role, aliases in ALIASES.items()
        if set(aliases) & set(known)
    }


def find_roles(names: Sequence[str], origin: object) -> dict[str, int]:
    """The position of each role's column; rating and timestamp may be absent.

    Raises:
        DataError: no user or no item column.
    """
    roles = known_roles(names)
    if missing := [role for role in ("user", "item") if role not in roles]:
        found = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise DataError(
            f"{origin} has no {' and no '.join(missing)} column; found: {found}. "
            "Name the columns user_id and item_id, and rating and timestamp where there are any"
        )
    return roles
