"""A small table as Markdown and as LaTeX, for slides and papers; neither needs a package."""

from collections.abc import Sequence

LATEX = str.maketrans(
    {
        **{sign: "\\" + sign for sign in "&%$#_{}"},
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "µ": r"\textmu{}", "±": r"$\pm$", "×": r"$\times$", "<": r"\textless{}", ">": r"\textgreater{}",
    }
)  # fmt: skip


def both(stem: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> dict[str, str]:
    """File name -> text, for `stem`.md and `stem`.tex; cells are text, with $...$ around mathematics."""
    return {f"{stem}.md": markdown(head, rows), f"{stem}.tex": latex(head, rows)}


def markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in GitHub's Markdown.

    >>> print(markdown(["n", "$l_n$"], [["1", "$x$"]]), end="")
    | n | $l_n$ |
    | --- | --- |
    | 1 | $x$ |
    """
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ["---"] * len(head), *rows))


def markdown_text(text: str) -> str:
    """A text that stands for itself in a cell of a Markdown table.

    >>> markdown_text("a|b <c>")
    'a\\\\|b &lt;c>'
    """
    return " ".join(text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*").split())


def latex_text(text: str) -> str:
    r"""A text that stands for itself in LaTeX.

    >>> print(latex_text("a_b & 5 %"))
    a\_b \& 5 \%
    """
    return " ".join(text.translate(LATEX).split())


def latex(head: Sequence[str], rows: Sequence[Sequence[str]], *, booktabs: bool = False) -> str:
    r"""A `tabular` in LaTeX; with the rules of the package booktabs where asked for.

    >>> print(latex(["n", "$l_n$"], [["1", "$x$"]]), end="")
    \begin{tabular}{ll}
    n & $l_n$ \\
    \hline
    1 & $x$ \\
    \end{tabular}
    """
    first, *others = [" & ".join(row) + r" \\" for row in (head, *rows)]
    top, middle, bottom = ([r"\toprule"], r"\midrule", [r"\bottomrule"]) if booktabs else ([], r"\hline", [])
    lines = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", *top, first, middle, *others, *bottom, r"\end{tabular}"]
    return "\n".join(lines) + "\n"
