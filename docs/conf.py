"""The API page, made of the package's docstrings: ``make docs``."""

from audiosim import __version__

project = "audiosim"
author = copyright = "The audiosim developers"  # noqa: A001  # the name that Sphinx reads
version = release = __version__
extensions = ["sphinx.ext.autodoc", "numpydoc"]
exclude_patterns = ["*.md"]
default_role = "py:obj"
autodoc_typehints = "none"  # the docstrings say them, shapes and units included
autodoc_member_order = "bysource"
numpydoc_show_class_members = False  # autodoc lists them
html_theme_options = {"description": "Find the tracks in your own music library that sound alike"}
