"""A window that is used by the keyboard alone: nobody here has a mouse."""

from playwright.sync_api import Locator

from tests.acceptance.browser import Window

MOST_TABS = 150
_FIELDS, _CONTROLS = "input, select, textarea", "a, button, summary"
# The editor's frame shows for its text that it has the focus.
_FOCUSED = """kind => {
    const one = document.activeElement, style = getComputedStyle(one);
    const labels = [...(one.labels ?? [])].map(each => each.textContent).join(" ");
    const name = one.getAttribute("aria-label") || labels || one.textContent || one.value || "";
    const frame = getComputedStyle(one.closest(".editor") ?? one);
    const seen = [style, frame].some(each => each.outlineStyle !== "none")
        || style.boxShadow !== "none";
    return [name.replace(/\\s+/g, " ").trim(), one.matches(kind), seen];
}"""


class Hands(Window):
    """On the keyboard: each control is reached by Tab, and has to show that it has the focus."""

    def reach(self, label: str) -> None:
        self._reach(label, _FIELDS)

    def _reach(self, name: str, kind: str = _CONTROLS) -> None:
        """Go on by Tab to what has this name; something of another kind may have the same."""
        passed = []
        for _ in range(MOST_TABS):
            focused, is_of_kind, is_seen = self.page.evaluate(_FOCUSED, kind)
            if focused == name and is_of_kind:
                assert is_seen, f"nobody sees that {name} has the focus"
                return
            passed.append(focused[:40])
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{self.page.url}: no {name} among {passed}")

    def push(self, name: str) -> None:
        self._reach(name)
        self.page.keyboard.press("Enter")

    def press(self, name: str) -> None:
        self._reach(name)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")
        self.check()

    def follow(self, name: str) -> None:
        self.press(name)

    def unfold(self, name: str) -> None:
        self.push(name)

    def open(self, name: str) -> Locator:
        self.push(name)
        return self.dialog()

    def tick(self, name: str) -> None:
        """Reach a box, and tick it."""
        self.reach(name)
        self.page.keyboard.press("Space")

    def fill(self, label: str, value: str) -> None:
        """Reach a field, and write it anew."""
        self.reach(label)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(value)
