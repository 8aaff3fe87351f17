"""What each command line loads at its start, and that our `agents` is ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
HEAVY = {
    "agents.cli": {"langchain_core", "langchain_openai", "langgraph", "openai", "torch", "transformers", "sklearn",
                   "sqlalchemy", "trafilatura", "fastapi"},
    "corpus.cli": {"sklearn", "scipy", "torch", "sqlalchemy", "langgraph"},
    "evaluation.cli": {"sklearn", "scipy", "torch", "transformers", "langgraph", "sqlmodel", "sqlalchemy"},
    "training.cli": {"torch", "transformers", "peft", "trl", "modal", "langgraph", "sqlmodel", "sqlalchemy"},
}  # fmt: skip


def loaded_by(module: str) -> set[str]:
    """Top-level names of all modules that importing `module` loads, in a fresh interpreter."""
    code = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(ended.stdout.split())


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_a_command_line_starts_light(module: str) -> None:
    assert loaded_by(module) & HEAVY[module] == set()


@pytest.mark.parametrize("module", sorted(HEAVY))
def test_help_lists_every_command_with_a_line(module: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", module, "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    listed = ended.stdout.split("Commands:")[1].splitlines()
    commands = [line for line in listed if line.startswith("  ") and not line.startswith("   ")]
    assert len(commands) >= 4
    assert all(len(line.split(None, 1)) == 2 for line in commands)


def test_layers_are_kept() -> None:
    ended = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout


def test_agents_is_this_projects_package() -> None:
    """Another vendor's SDK has the same import name."""
    import agents

    assert Path(agents.__file__).resolve().is_relative_to(ROOT)
