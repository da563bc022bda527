"""`python -m scoring`: check, explain, score, export and simulate from the command line."""

from __future__ import annotations

from scoring.cli import app

if __name__ == "__main__":
    app(prog_name="python -m scoring")
