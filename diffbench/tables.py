"""A small table as Markdown and as LaTeX, for slides and papers; neither needs a package."""

from collections.abc import Sequence


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


def latex(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    r"""A `tabular` in LaTeX.

    >>> print(latex(["n", "$l_n$"], [["1", "$x$"]]), end="")
    \begin{tabular}{ll}
    n & $l_n$ \\
    \hline
    1 & $x$ \\
    \end{tabular}
    """
    first, *others = [" & ".join(row) + r" \\" for row in (head, *rows)]
    lines = [rf"\begin{{tabular}}{{{'l' * len(head)}}}", first, r"\hline", *others, r"\end{tabular}"]
    return "\n".join(lines) + "\n"
