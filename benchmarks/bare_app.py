"""The smallest Textual application: what every start-up is compared with."""

from textual.app import App, ComposeResult
from textual.widgets import Static


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Static("the first frame")


if __name__ == "__main__":
    Bare().run()
