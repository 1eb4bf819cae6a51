"""One line of the table: ours against a reference, and whether that is as good as wanted."""

from dataclasses import dataclass

HEADER = f"{'measure':42} {'ours':>10} {'':5} {'reference':>10} {'ratio':>8}   goal"


@dataclass(frozen=True)
class Measure:
    """Ours against a reference in the same unit; `goal` is for their ratio."""

    name: str
    ours: float
    unit: str
    reference: float
    goal: float = 1.0
    more_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.reference

    @property
    def ok(self) -> bool:
        return self.ratio >= self.goal if self.more_is_better else self.ratio <= self.goal

    def line(self) -> str:
        sign = ">=" if self.more_is_better else "<="
        verdict = "ok" if self.ok else "short"
        return (
            f"{self.name:42} {self.ours:10.2f} {self.unit:5} {self.reference:10.2f}"
            f" {self.ratio:8.2f}   {sign} {self.goal:.2f}   {verdict}"
        )
