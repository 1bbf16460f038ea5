"""Rate and latency against the number of subscriptions, as an SVG drawn by hand."""
import math
import statistics

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 360, 80, 80, 40, 60
RATE, LATENCY, TEXT, GRID = "#1f4b99", "#b3541e", "#333333", "#dddddd"


def nice_top(value):
    """The next of 1, 2, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def label(value):
    for size, letter in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g} {letter}"
    return f"{value:g}"


class Axes:
    def __init__(self, customers, rate_top, latency_top):
        self.low, self.high = math.log10(min(customers)), math.log10(max(customers))
        self.rate_top, self.latency_top = rate_top, latency_top

    def x(self, customers):
        span = (self.high - self.low) or 1
        return LEFT + (math.log10(customers) - self.low) / span * (WIDTH - LEFT - RIGHT)

    def y(self, share):
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def text(x, y, words, anchor="middle", colour=TEXT, size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" '
            f'font-size="{size}">{words}</text>')


def grid(axes, customers):
    parts = []
    for step in range(6):
        y = axes.y(step / 5)
        parts += [f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
                  f'stroke="{GRID}"/>',
                  text(LEFT - 8, y + 4, label(axes.rate_top * step / 5), "end", RATE),
                  text(WIDTH - RIGHT + 8, y + 4, label(axes.latency_top * step / 5), "start",
                       LATENCY)]
    for count in customers:
        parts.append(text(axes.x(count), HEIGHT - BOTTOM + 20, label(count)))
    return parts


def line(axes, points, top, colour, dash=""):
    """points: (customers, least, median, greatest)."""
    path = " ".join(f"{axes.x(c):.1f},{axes.y(middle / top):.1f}" for c, _, middle, _ in points)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>']
    for c, low, middle, high in points:
        x = axes.x(c)
        parts += [f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{axes.y(low / top):.1f}" '
                  f'y2="{axes.y(high / top):.1f}" stroke="{colour}"/>',
                  f'<circle cx="{x:.1f}" cy="{axes.y(middle / top):.1f}" r="3" fill="{colour}"/>']
    return parts


def spread(customers, values):
    return customers, min(values), statistics.median(values), max(values)


def plot(points):
    rates = [spread(point["customers"], point["rates"]) for point in points]
    p50 = [spread(point["customers"], [pair[0] for pair in point["latencies_us"]])
           for point in points]
    p99 = [spread(point["customers"], [pair[1] for pair in point["latencies_us"]])
           for point in points]
    customers = [point["customers"] for point in points]
    axes = Axes(customers, nice_top(max(high for *_, high in rates)),
                nice_top(max(high for *_, high in p99)))
    parts = [*grid(axes, customers),
             *line(axes, rates, axes.rate_top, RATE),
             *line(axes, p50, axes.latency_top, LATENCY),
             *line(axes, p99, axes.latency_top, LATENCY, ' stroke-dasharray="5 4"'),
             text(LEFT, TOP - 16, "checks per second, 1,000 in flight", "start", RATE),
             text(WIDTH - RIGHT, TOP - 16, "latency one at a time, us: p50, p99 (dashed)", "end",
                  LATENCY),
             text(WIDTH / 2, HEIGHT - 16, "subscriptions")]
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'font-family="sans-serif" role="img" '
            f'aria-label="Rate and latency of checks against subscriptions">\n'
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>\n'
            + "\n".join(parts) + "\n</svg>\n")
