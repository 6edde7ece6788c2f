"""From cell records to tables: recommenders, attackers and defenses, each with what its numbers are worth.

`grid` lays the records out as arrays over units; `recommenders`, `attackers` and `defenses` turn them into
rows; `foot` says how far they carry; `boards` and `render` make text, Markdown and CSV of them.

One rule holds for every number: it is over all the units it claims to be over, or it is not there. A cell
that failed leaves a hole, never a zero.
"""

from recbench.leaderboard.write import write_tables

__all__ = ["write_tables"]
