"""How tests of pages move about the app and read its screens."""

import pandas as pd
from streamlit.testing.v1 import AppTest

from medgru.settings import PROJECT_ROOT

# Not app.py: beside a pages/ folder AppTest loses the shell on its second run.
SHELL = PROJECT_ROOT / "medgru" / "ui" / "shell.py"


def go(app: AppTest, name: str) -> AppTest:
    """Go to a page of the app, in the same session."""
    return app.switch_page(str(PROJECT_ROOT / "pages" / f"{name}.py")).run()


def texts(app: AppTest) -> str:
    """All Markdown and messages on the screen."""
    return "\n".join(element.value for element in [*app.markdown, *app.error, *app.warning, *app.info])


def table(app: AppTest, column: str) -> pd.DataFrame:
    """The table that has this column: AppTest knows no keys of read-only tables."""
    return next(element.value for element in app.dataframe if column in element.value.columns)
