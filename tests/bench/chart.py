"""Draws the throughput of all scenarios as bars: medians, with a line from the slowest round to the fastest."""

import html

COLOURS = {"sluice": "#2f81f7", "sluice, brief jobs": "#1a7f37", "raw": "#8b949e", "graphile-worker": "#d9822b",
           "pg-boss": "#a45ee5"}  # fmt: skip
LEFT, WIDTH, BAR, GAP, GROUP, TOP = 200, 900, 18, 4, 20, 74
PLOT = WIDTH - LEFT - 90
STYLE = """
  text { font: 13px system-ui, "Liberation Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 } .small { font-size: 12px; fill: #59636e }
  .page { fill: #ffffff } .grid { stroke: #d1d9e0 } .range { stroke: #1f2328; stroke-width: 1.5 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc } .small { fill: #9198a1 }
    .page { fill: #0d1117 } .grid { stroke: #3d444d } .range { stroke: #f0f6fc }
  }
"""


def text(x, y, words, style="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{html.escape(words)}</text>'


def line(x1, y1, x2, y2, style):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def tick(most):
    """The distance of grid lines: 1, 2 or 5 times a power of ten, four to ten of them."""
    step = 10 ** (len(str(int(most))) - 1)
    return next(step * f for f in (0.1, 0.2, 0.5, 1, 2) if most / (step * f) <= 8)


def bar(y, name, rates, median, scale):
    low, high, middle = LEFT + min(rates) * scale, LEFT + max(rates) * scale, y + BAR / 2
    return [
        f'<rect x="{LEFT}" y="{y}" width="{median * scale:.1f}" height="{BAR}" rx="2" fill="{COLOURS[name]}"/>',
        line(low, middle, high, middle, "range"),
        *(line(x, middle - 4, x, middle + 4, "range") for x in (low, high)),
        text(max(high, LEFT + median * scale) + 7, middle + 4.5, f"{median:,.0f}"),
    ]


def legend():
    drawn, x = [], LEFT
    for name, colour in COLOURS.items():
        drawn += [f'<rect x="{x}" y="42" width="12" height="12" rx="2" fill="{colour}"/>', text(x + 18, 53, name)]
        x += 40 + 8 * len(name)
    return drawn


def grid(most, scale, bottom):
    drawn, value = [], 0
    while value <= most:
        x = LEFT + value * scale
        drawn += [line(x, TOP - 6, x, bottom, "grid"), text(x, bottom + 16, f"{value:,.0f}", "small", "middle")]
        value += tick(most)
    return drawn


def draw(groups, subtitle):
    """SVG. `groups` are (label, {contender: [jobs per second of each round]}, {contender: median})."""
    most = max(max(rates) for _, cases, _ in groups for rates in cases.values())
    scale = PLOT / most
    bars, y = [], TOP
    for label, cases, medians in groups:
        height = len(cases) * (BAR + GAP) - GAP
        bars.append(text(LEFT - 12, y + height / 2 + 4.5, label, anchor="end"))
        for name, rates in cases.items():
            bars += bar(y, name, rates, medians[name], scale)
            y += BAR + GAP
        y += GROUP - GAP
    bottom, height = y - GROUP // 2, y + 40
    box = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    head = [f"<style>{STYLE}</style>", f'<rect class="page" width="{WIDTH}" height="{height}" rx="6"/>',
            text(LEFT, 28, "Jobs per second", "title"), text(WIDTH - 20, 28, subtitle, "small", "end")]  # fmt: skip
    drawn = [*head, *legend(), *grid(most, scale, bottom), *bars]
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {box}>', *drawn, "</svg>\n"])
