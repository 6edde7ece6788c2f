import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recbench.leaderboard.latex import as_latex, latex
from recbench.leaderboard.render import Board, Column

HOSTILE = r"\input{/etc/passwd} 100% {$x_1^2$} & #1 ~ 中 `a' \\[9pt] \end{tabular} --- <|> \"x\" – ×"
PUBLISHED = sorted(path.parent for path in (Path(__file__).parents[2] / "leaderboards").glob("*/recommenders.tex"))
COMMAND = re.compile(r"\\(?:[a-zA-Z]+|.)")
KNOWN = {
    *(r"\begin", r"\end", r"\caption", r"\centering", r"\footnotesize", r"\setlength", r"\tabcolsep"),
    *(r"\toprule", r"\midrule", r"\bottomrule", r"\\"),
    *(r"\{", r"\}", r"\$", r"\&", r"\#", r"\%", r"\_", r"\textbackslash", r"\textasciicircum", r"\textasciitilde"),
    *(r"\textless", r"\textgreater", r"\textbar", r"\textquotedbl", r"\textquotesingle", r"\textasciigrave"),
    *(r"\texttimes", r"\resizebox", r"\ifdim", r"\width", r"\linewidth", r"\else", r"\fi"),
}


@dataclass(frozen=True)
class Row:
    dataset: str
    size: float
    name: str
    gain: float


def page(*names):
    columns = [Column("name", lambda row: row.name, words=True), Column("gain", lambda row: f"{row.gain:+.1f}")]
    rows = [Row("d", 0.03, name, 1.0) for name in names]
    return as_latex(Board("things", "Things", Row, rows, columns, ["Foot of 5%."]))


def body(text):
    """The page without its comments, which must be whole lines."""
    lines = [line for line in text.splitlines() if not line.startswith("%")]
    assert not any(re.search(r"(?<!\\)%", line) for line in lines)
    return "\n".join(lines)


def check(text):
    """What an engine would stumble over: unknown commands, unbalanced braces or environments, bare specials."""
    content = body(text)
    assert set(COMMAND.findall(content)) <= KNOWN
    bare = COMMAND.sub("", content)
    assert not set(bare) & set("$#^_~")
    depth = 0
    for letter in bare:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    opened = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+)\}", content):
        if kind == "begin":
            opened.append(name)
        else:
            assert opened.pop() == name
    assert opened == []
    assert content.isascii()


def test_a_table_is_set_with_booktabs():
    text = page("a", "b")
    check(text)
    assert text.count(r"\begin{tabular}{lr}") == 1
    assert [line for line in text.splitlines() if line.endswith(r"\\")] == [
        r"name & gain \\",
        r"a & +1.0 \\",
        r"b & +1.0 \\",
    ]
    assert text.index(r"\toprule") < text.index(r"\midrule") < text.index(r"\bottomrule")
    assert r"\caption{Things: d, attack size 3\%}" in text
    assert r"Foot of 5\%." in text


@given(st.text())
def test_no_name_breaks_the_table(name):
    text = page(name)
    check(text)
    (row,) = (line for line in text.splitlines() if line.endswith(r" & +1.0 \\"))
    assert len(re.findall(r"(?<!\\)&", row)) == 1
    assert not row.startswith("[")


def test_what_only_looks_like_latex_is_shown_as_it_is():
    check(page(HOSTILE))
    assert latex(r"\input{x}") == r"\textbackslash{}input\{x\}"
    assert latex("50% of a_b") == r"50\% of a\_b"
    assert latex("中") == "{[}U+4E2D{]}"
    assert latex("1–2") == "1--2"
    assert latex("item-knn --- x") == "item-knn -{}-{}- x"


PACKAGES = r"\usepackage[T1]{fontenc}\usepackage{textcomp,booktabs,graphicx}"
needs_pdflatex = pytest.mark.skipif(
    shutil.which("pdflatex") is None,
    reason="no pdflatex: 'apt-get install texlive-latex-base texlive-latex-recommended'",
)


def compile_alone(folder, tables):
    """Set the tables with pdflatex, one after the other in one document."""
    content = "\\clearpage\n".join(tables)
    text = f"\\documentclass{{article}}{PACKAGES}\\begin{{document}}\n{content}\n\\end{{document}}\n"
    (folder / "a.tex").write_text(text, encoding="utf-8")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "a.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "Overfull" not in done.stdout
    assert (folder / "a.pdf").stat().st_size > 10_000


@needs_pdflatex
def test_pdflatex_compiles_it_and_shrinks_what_is_too_wide(tmp_path):
    compile_alone(tmp_path, [page("a", HOSTILE, 200 * "wide")])


@needs_pdflatex
@pytest.mark.parametrize("folder", PUBLISHED, ids=lambda folder: folder.name)
def test_pdflatex_compiles_what_we_have_published(tmp_path, folder):
    tables = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tex"))]
    assert len(tables) == 7
    compile_alone(tmp_path, tables)
