"""Draws ratios as bars on a logarithmic scale: left of the line, this library needs less than its
peer."""

import math
from html import escape

WIDTH, LEFT, RIGHT, TOP, LINE = 800, 390, 60, 92, 19
TITLE = "Time and memory beside other libraries"
# The smallest and largest ratio on the scale.
LEAST, MOST = 1 / 16, 4
LESS, MORE, INK, GRID = "#1a7f5a", "#d4622a", "#24292f", "#d8dee4"


def x(ratio: float) -> float:
    share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
    return LEFT + (WIDTH - LEFT - RIGHT) * share


def text(at: float, y: float, words: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{at:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(words)}</text>'


def draw(bars: list[tuple[str, str, float]], caption: str) -> str:
    """Return the picture of what was compared, the peer and the ratio."""
    height = TOP + LINE * len(bars) + 14
    svg = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12.5" fill="{INK}">',
        f"<title>{TITLE}</title>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        text(12, 26, TITLE, more=' font-size="17" font-weight="bold"'),
        text(12, 46, caption.replace("`", ""), more=' font-size="11"'),
        text(x(1) - 8, 66, "needs less", "end", f' fill="{LESS}"'),
        text(x(1) + 8, 66, "needs more", "start", f' fill="{MORE}"'),
    ]
    for ratio in (LEAST, 1 / 8, 1 / 4, 1 / 2, 1, 2, MOST):
        label = f"{ratio:g}" if ratio >= 1 else f"1/{1 / ratio:g}"
        colour = INK if ratio == 1 else GRID
        svg.append(f'<path stroke="{colour}" d="M{x(ratio):.1f} {TOP - 8}V{height - 8}"/>')
        svg.append(text(x(ratio), TOP - 12, label, "middle", ' font-size="11"'))
    y = TOP
    previous = None
    for what, peer, ratio in bars:
        left, right = sorted((x(1), x(ratio)))
        colour = LESS if ratio <= 1 else MORE
        if what != previous:
            svg.append(text(12, y + 12, what))
        svg.append(text(LEFT - 8, y + 12, peer, "end"))
        svg.append(
            f'<path fill="{colour}" d="M{left:.1f} {y + 2}H{right:.1f}v{LINE - 6}H{left:.1f}z"/>'
        )
        number = f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.1g}"
        if ratio < LEAST:
            svg.append(text(left + 6, y + 12, number, "start", ' font-size="11" fill="#fff"'))
        elif ratio <= 1:
            svg.append(text(left - 5, y + 12, number, "end", ' font-size="11"'))
        else:
            svg.append(text(right + 5, y + 12, number, "start", ' font-size="11"'))
        previous, y = what, y + LINE
    return "\n".join([*svg, "</svg>", ""])
