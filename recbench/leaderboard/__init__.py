"""From cell records to tables: recommenders, attackers and defenses, each with what its numbers are worth.

`grid` lays the records out as arrays over units; `recommenders`, `attackers`, `defenses`, `overall` and
`throughput` turn them into rows; `foot` says how far they carry; `boards` puts them together, `render` and
`latex` print them. `timed` has rows of another source, what `recbench time` has measured. `cells` is the table of
all cells and `published` reads it again; `figures` draws, and `compare` holds two runs against each other.

One rule holds for every number: it is over all the units it claims to be over, or it is not there. A cell
that failed leaves a hole, never a zero.
"""

from recbench.leaderboard.write import write_tables

__all__ = ["write_tables"]
