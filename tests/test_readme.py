"""The README's promises that can be checked by machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from conftest import Cli

import audiosim

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
GUIDES = "".join(
    (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    for name in ("answers", "choosing", "files", "machines", "serve")
)
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.M | re.S)


def test_the_first_two_blocks_are_one_command_each() -> None:
    assert [language for language, _ in BLOCKS[:2]] == ["sh", "sh"]
    assert all(len(text.splitlines()) == 1 for _, text in BLOCKS[:2])


def test_the_first_command_runs_the_demo_and_the_second_the_tests() -> None:
    assert BLOCKS[0][1].rstrip().endswith("sh examples/demo.sh")
    assert (ROOT / "examples" / "demo.sh").is_file()
    assert BLOCKS[1][1].rstrip().endswith("python -m pytest")
    assert "README.md" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_command_and_option_named_is_one_that_exists(cli: Cli) -> None:
    commands = {"index", "similar", "extract", "status", "verify", "gc", "forget", "relocate", "weights"}
    commands |= {"playlist", "duplicates", "map", "list", "eval", "export", "import", "encoders", "describe"}
    commands |= {"serve"}
    known = set()
    for command in sorted(commands):
        known |= set(re.findall(r"--[a-z][a-z-]+", cli(command, "--help").out))
    known |= set(re.findall(r"--[a-z][a-z-]+", cli("encoders", "fetch", "--help").out))
    known |= {"--home", *re.findall(r"--[a-z][a-z-]+", cli("--help").out)}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", README + GUIDES))
    assert named <= known, named - known
    assert set(re.findall(r"audiosim ([a-z]+)", BLOCKS[2][1])) <= commands


def test_every_file_that_is_linked_is_there() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links {target}"


def test_the_python_example_names_what_the_package_gives() -> None:
    code = next(text for language, text in BLOCKS if language == "python")
    for name in re.findall(r"audiosim\.(\w+)", code):
        assert hasattr(audiosim, name)
    compile(code, "README.md", "exec")


def test_the_changelog_has_a_place_for_the_next_release() -> None:
    assert "## [Unreleased]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_shell_scripts_parse() -> None:
    for script in (ROOT / "examples" / "demo.sh", ROOT / ".ci" / "run"):
        subprocess.run(["bash", "-n", str(script)], check=True)
