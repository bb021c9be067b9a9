"""Sphinx configuration: Markdown pages and notebooks by myst-nb, the reference from docstrings."""

from kymath._version import __version__

project = "kymath"
author = "The kymath authors"
copyright = "2026, The kymath authors"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

myst_enable_extensions = ["amsmath", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # the tests execute the notebooks

autodoc_member_order = "bysource"
autodoc_typehints = "description"
autosummary_generate = True
napoleon_use_rtype = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "furo"
html_title = f"kymath {release}"
