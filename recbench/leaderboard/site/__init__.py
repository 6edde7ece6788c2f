"""The boards of a suite as a static site, which opens from a file and asks no network for anything.

`tables`, `charts`, `components` and `cells` turn boards and records into plain values; `script` makes files of
these that a page can load; `write` puts the site together. What comes from plugins reaches a page as text only.
"""

from recbench.leaderboard.site.write import write_site

__all__ = ["write_site"]
