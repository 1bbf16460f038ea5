"""The table: one row each, the ratio first, raw figures beside it."""
import re
import statistics

HEAD = ["row", "against", "ratio: min", "median", "max", "reach", "", "ours", "reference", "unit"]
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def number(value):
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def cells(row):
    if row.failure:
        return [row.title, row.against, "-", "-", "-", row.reach, "failed", "-", "-", row.unit]
    return [row.title, row.against, f"{min(row.ratios):.2f}", f"{row.median:.2f}",
            f"{max(row.ratios):.2f}", row.reach, "yes" if row.reached else "no",
            number(statistics.median(row.ours)), number(statistics.median(row.reference)), row.unit]


def table(rows):
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(HEAD))]
    right = {2, 3, 4, 7, 8}

    def text(line):
        return "| " + " | ".join(cell.rjust(width) if i in right else cell.ljust(width)
                                 for i, (cell, width) in enumerate(zip(line, widths))) + " |"

    rule = "|" + "|".join("-" * (width + 1) + (":" if i in right else "-")
                          for i, width in enumerate(widths)) + "|"
    return "\n".join([text(lines[0]), rule, *map(text, lines[1:])])


def put_into(document, text):
    """Replaces what stands between the marks."""
    return re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{text}\n{END}", document, flags=re.S)
