"""Reading Prometheus' text."""


def value_of(text: str, series: str) -> float:
    """The value of one series, spelled as in the text."""
    (line,) = [line for line in text.splitlines() if line.startswith(series + " ")]
    return float(line.rpartition(" ")[2])
