"""``python -m audiosim``."""

from audiosim.cli import main

main()
