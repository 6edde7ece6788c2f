"""Which columns of a board are printed, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from recbench.leaderboard.attackers import BASELINE, AttackerRow
from recbench.leaderboard.defenses import GATE as DEFENSE_GATE
from recbench.leaderboard.defenses import DefenseRow
from recbench.leaderboard.grid import Effect
from recbench.leaderboard.overall import OverallRow
from recbench.leaderboard.recommenders import GATE as RECOMMENDER_GATE
from recbench.leaderboard.recommenders import RecommenderRow
from recbench.leaderboard.render import ABSENT, Column
from recbench.leaderboard.throughput import AMOUNTS, ThroughputRow
from recbench.leaderboard.timed import TimedRow

Row = RecommenderRow | AttackerRow | DefenseRow | OverallRow


def recommender_columns(effect: Effect) -> list[Column]:
    return [
        *_rank_columns(),
        _words("recommender"),
        _number("NDCG@10", "clean_ndcg_10", ".3f"),
        _number("Recall@20", "clean_recall_20", ".3f"),
        _number("of best", "share_of_best", ".0%"),
        Column(f"worst {effect.name}, {effect.unit}", lambda row: _number_text(row.gain, "+.3f")),
        Column("95% interval", _interval),
        _words("attack"),
        _number("HR@10 lift", "lift_hr_10", "+.3f"),
        _number("HR@50 lift", "lift_hr_50", "+.3f"),
        _number("NDCG@10 then", "attacked_ndcg_10", ".3f"),
        Column("front", lambda row: ABSENT if row.on_front is None else "yes" if row.on_front else "no"),
        Column("note", _recommender_note, words=True),
    ]


def attacker_columns(effect: Effect) -> list[Column]:
    return [
        *_rank_columns(),
        _words("attacker"),
        Column("knows", lambda row: row.knowledge or ABSENT, words=True),
        Column(f"{effect.name}, {effect.unit}", lambda row: _number_text(row.gain, "+.3f")),
        Column("95% interval", _interval),
        _number("HR@10 lift", "lift_hr_10", "+.3f"),
        _number("HR@50 lift", "lift_hr_50", "+.3f"),
        Column(f"beats {BASELINE}", _transfer),
        _number("TVD excess", "tvd_excess", "+.4f"),
        Column("AUC", lambda row: f"{row.detector_auc:.2f} {row.detector}" if row.detector else ABSENT),
        _number("craft CPU s", "craft_cpu_seconds", ".2f"),
        Column("note", _attacker_note, words=True),
    ]


def defense_columns() -> list[Column]:
    return [
        _words("recommender"),
        *_rank_columns(),
        _words("defense"),
        _number("recovered", "recovered", "+.0%"),
        Column("95% interval", _recovered_interval),
        _words("attack"),
        _number("NDCG@10 change", "utility_change", "+.1%"),
        _number("AP", "detection_ap", ".2f"),
        _number("AUC", "detection_auc", ".2f"),
        _number("recall", "detection_recall", ".2f"),
        _number("genuine removed", "genuine_removed", ".1%"),
        _number("CPU s", "cpu_seconds", "+.2f"),
        _number("adaptive gain", "adaptive_gain", "+.3f"),
        _number("recovered of it", "adaptive_recovered", "+.0%"),
        Column("note", _defense_note, words=True),
    ]


def overall_columns(kind: str, effect: str, style: str) -> list[Column]:
    """Of a board across data sets.

    Args:
        kind: what is judged, in the singular.
        effect: the heading of what it is ranked by.
        style: the format of that number.
    """

    def bounds(row: OverallRow) -> str:
        return ABSENT if row.effect_low is None else f"[{row.effect_low:{style}}, {row.effect_high:{style}}]"

    return [
        Column("attack size", lambda row: f"{100 * row.size:.3g}%"),
        *([_words("recommender")] if kind == "defense" else []),
        *_rank_columns(),
        Column(kind, lambda row: row.name, words=True),
        _number(effect, "effect", style),
        Column("95% interval", bounds),
        Column("data sets", lambda row: f"{row.datasets_ranked}/{row.datasets}"),
        Column("note", lambda row: f"not ranked on {row.missing}" if row.missing else "", words=True),
    ]


def throughput_columns(rows: Sequence[ThroughputRow]) -> list[Column]:
    """The machine has a column where there are several."""

    def seconds(clock: str) -> Column:
        def text(row: ThroughputRow) -> str:
            middle = getattr(row, f"{clock}_seconds")
            low, high = getattr(row, f"{clock}_low"), getattr(row, f"{clock}_high")
            return ABSENT if middle is None else f"{middle:.2f} [{low:.2f}, {high:.2f}]"

        return Column(f"{clock if clock == 'wall' else 'CPU'} s", text)

    def rate(row: ThroughputRow) -> str:
        return ABSENT if row.per_second is None else f"{row.per_second:,.0f} {AMOUNTS[row.stage]}"

    return [
        *([_words("machine")] if len({row.machine for row in rows}) > 1 else []),
        Column("data set", lambda row: row.dataset, words=True),
        _words("stage"),
        _words("component"),
        Column("attack size", lambda row: ABSENT if row.size is None else f"{100 * row.size:.3g}%"),
        _number("n", "n", "d"),
        seconds("cpu"),
        seconds("wall"),
        Column("a second", rate),
        _mebibytes("peak MiB", "peak_bytes"),
        *_doubts(rows),
    ]


def timed_columns(rows: Sequence[TimedRow]) -> list[Column]:
    """The device's memory has a column where there is a device."""
    devices = any(row.device_allocated_bytes is not None for row in rows)

    def milliseconds(heading: str, field: str) -> Column:
        def text(row: TimedRow) -> str:
            seconds = getattr(row, field)
            return ABSENT if seconds is None else f"{1000 * seconds:.3g}"

        return Column(heading, text)

    return [
        _words("task"),
        _words("component"),
        Column("batch", lambda row: ABSENT if row.batch is None else f"{row.batch}"),
        Column("a second", lambda row: f"{row.per_second:,.0f} {row.unit}"),
        milliseconds("p50 ms", "p50"),
        milliseconds("p95 ms", "p95"),
        _number("n", "n", "d"),
        milliseconds("CPU ms", "cpu_seconds"),
        _mebibytes("host MiB", "host_growth_bytes"),
        *([_mebibytes("device MiB", "device_allocated_bytes")] if devices else []),
        _number("parameters", "parameters", ",d"),
        *_doubts(rows),
    ]


def _doubts(rows: Sequence[ThroughputRow] | Sequence[TimedRow]) -> list[Column]:
    """A note where there are rows that need it."""
    if all(row.verified for row in rows):
        return []
    return [Column("note", lambda row: "" if row.verified else "unverified", words=True)]


def _mebibytes(heading: str, field: str) -> Column:
    def text(row: Any) -> str:
        count = getattr(row, field)
        return ABSENT if count is None else f"{count / 2**20:,.0f}"

    return Column(heading, text)


def _rank_columns() -> list[Column]:
    return [_number("rank", "rank", "d"), Column("range", _range)]


def _number_text(value: float | None, style: str) -> str:
    return ABSENT if value is None else format(value, style)


def _number(heading: str, field: str, style: str) -> Column:
    return Column(heading, lambda row: _number_text(getattr(row, field), style))


def _words(field: str) -> Column:
    return Column(field, lambda row: getattr(row, field) or ABSENT, words=True)


def _interval(row: Any) -> str:
    return ABSENT if row.gain_low is None else f"[{row.gain_low:+.3f}, {row.gain_high:+.3f}]"


def _recovered_interval(row: DefenseRow) -> str:
    return ABSENT if row.recovered_low is None else f"[{row.recovered_low:+.0%}, {row.recovered_high:+.0%}]"


def _range(row: Row) -> str:
    if row.rank_low is None:
        return ABSENT
    return f"{row.rank_low}" if row.rank_low == row.rank_high else f"{row.rank_low}–{row.rank_high}"


def _transfer(row: AttackerRow) -> str:
    return f"{row.victims_beaten}/{row.victims_compared}" if row.victims_compared else ABSENT


def _recommender_note(row: RecommenderRow) -> str:
    return _note(
        (row.clean_ndcg_10 is None, "no clean utility"),
        (row.clean_ndcg_10 is not None and not row.passes_gate, f"below {RECOMMENDER_GATE:.0%} of the best"),
        (row.exposed, "targets already exposed"),
        *_repetition(row),
        *_completeness(row),
    )


def _attacker_note(row: AttackerRow) -> str:
    return _note(
        (row.control, "control"),
        ("defense" in (row.knowledge or ""), "adapts to a defense"),
        (row.victims_needed == 0, "no victims"),
        (row.above_random is False, f"not above {BASELINE}"),
        (row.beaten_by is not None, f"below {row.beaten_by}, which knows less"),
        (row.falls_with_budget is True, "does less than with a smaller budget"),
        *_repetition(row),
        (row.victims_ok < row.victims_needed, f"incomplete {row.victims_ok}/{row.victims_needed} victims"),
    )


def _defense_note(row: DefenseRow) -> str:
    return _note(
        (row.utility_change is None, "no clean utility"),
        (row.utility_change is not None and not row.passes_gate, f"below {DEFENSE_GATE:.0%} of the undefended"),
        *_completeness(row),
        (row.attacks_ok == row.attacks_needed > 0 == row.attacks_significant, "no attack above the A/A floor"),
        (row.adaptive is None, "no adaptive attack"),
        *_repetition(row),
    )


def _completeness(row: RecommenderRow | DefenseRow) -> list[tuple[bool, str]]:
    return [
        (row.attacks_needed == 0, "no attacks"),
        (row.attacks_ok < row.attacks_needed, f"incomplete {row.attacks_ok}/{row.attacks_needed} attacks"),
    ]


def _repetition(row: RecommenderRow | AttackerRow | DefenseRow) -> list[tuple[bool, str]]:
    return [(row.repeats == "no", "non-deterministic"), (row.repeats == "failed", "failed when done again")]


def _note(*remarks: tuple[bool, str]) -> str:
    return ", ".join(text for holds, text in remarks if holds)
