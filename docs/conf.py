"""Sphinx configuration: Markdown pages and notebooks by myst-nb, the reference from docstrings."""

import re

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
nb_execution_mode = "off"  # the tests execute the notebooks and the pages

autodoc_member_order = "bysource"
autodoc_typehints = "none"  # the signature has them, the docstring says what they mean
autodoc_preserve_defaults = True
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_only_copy_prompt_lines = True

html_theme = "furo"
html_title = f"kymath {release}"


def plain_formulas(app, what, name, obj, options, lines):
    """Docstrings write |B| and A*B as people do; reStructuredText would read marks of its own into them."""
    session = False  # examples stay as they are, up to the empty line that ends them
    for k, line in enumerate(lines):
        session = bool(line.strip()) and (session or line.lstrip().startswith(">>>"))
        if not session:
            pieces = re.split(r"(``.*?``|\*\w+\*)", line)
            pieces[::2] = [re.sub(r"(?<!\\)([|*])", r"\\\1", piece) for piece in pieces[::2]]
            lines[k] = "".join(pieces)


def setup(app):
    app.connect("autodoc-process-docstring", plain_formulas)
