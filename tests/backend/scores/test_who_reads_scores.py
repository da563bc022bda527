"""A natural person's score may open benefits and nothing else: whoever reads one is listed, with the reason."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
TELLS_A_SCORE = {"Score", "current_score", "score_history", "explain_current_score"}

READERS = {
    "backend/benefits/facts.py": "whether a benefit is open",
    "backend/benefits/city_facts.py": "how many a benefit would be open to",
    "backend/institutions/disclosure.py": "what the citizen authorized an institution to read",
    "backend/reports/facts.py": "the citizen's own report",
    "backend/reports/wording.py": "the citizen's own report",
    "backend/exports/service.py": "the citizen's own copy of everything",
    "backend/deletion_requests/plan.py": "what there is to delete",
    "backend/objections/service.py": "the score that the citizen objects to",
    "backend/objections/score_review.py": "the score that the citizen objects to",
    "backend/objections/recipients.py": "who has to be told that a score was wrong",
    "backend/portraits/service.py": "enterprises' evaluation; no natural person has a portrait",
    "miniprogram_api/citizen/score.py": "the citizen's own score",
}


def test_nothing_but_benefits_consents_and_the_citizens_own_pages_reads_a_score():
    readers = set()
    for folder in ("backend", "miniprogram_api", "admin"):
        for path in (ROOT / folder).rglob("*.py"):
            name = path.relative_to(ROOT).as_posix()
            if name.startswith(("backend/scores/", "backend/migrations/")):
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                of_scores = isinstance(node, ast.ImportFrom) and (node.module or "").startswith("backend.scores")
                if of_scores and TELLS_A_SCORE & {alias.name for alias in node.names}:
                    readers.add(name)
    assert readers == set(READERS)
