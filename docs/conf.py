"""Sphinx configuration: Markdown pages and notebooks by myst-nb, the reference from docstrings."""

import re
import shutil
from pathlib import Path

from kymath._version import __version__

project = "kymath"
author = "The kymath authors"
copyright = "2026, The kymath authors"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "force"  # the lessons hold no outputs; the pages hold no cells, and the tests run their examples
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a warning in a lesson is an error here

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them, the docstring says what they mean
autodoc_preserve_defaults = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = f"kymath {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css"]


def plain_formulas(app, what, name, obj, options, lines):
    """Docstrings write |B| and A*B as people do; reStructuredText would read marks of its own into them."""
    session = False  # examples stay as they are, up to the empty line that ends them
    for k, line in enumerate(lines):
        session = bool(line.strip()) and (session or line.lstrip().startswith(">>>"))
        if not session:
            pieces = re.split(r"(``.*?``|\*\w+\*)", line)
            pieces[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", piece) for piece in pieces[::2]]
            lines[k] = "".join(pieces)


def bring_lessons(app):
    """Copy the notebooks to where Sphinx finds them; anew, to be run again, if one or the package has changed."""
    here = Path(app.srcdir)
    lessons = here / "lessons"
    lessons.mkdir(exist_ok=True)
    notebooks = {path.name: path for path in (here.parent / "notebooks").glob("[0-9]*.ipynb")}
    for copy in lessons.glob("*.ipynb"):
        if copy.name not in notebooks:
            copy.unlink()
    package = max(path.stat().st_mtime for path in (here.parent / "kymath").rglob("*.py"))
    for name, path in notebooks.items():
        copy = lessons / name
        if not copy.exists() or copy.stat().st_mtime < max(package, path.stat().st_mtime):
            shutil.copyfile(path, copy)


def lead_to_lessons(app, page, source):
    """The pages link to the notebooks where they lie, for who reads the source; here they are beside the pages."""
    source[0] = source[0].replace("](../notebooks/", "](lessons/")


def setup(app):
    app.connect("builder-inited", bring_lessons)
    app.connect("source-read", lead_to_lessons)
    app.connect("autodoc-process-docstring", plain_formulas)
