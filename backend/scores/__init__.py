"""Scores: policies in force, runs over the city, publication, one subject's recomputation, explanation."""
